"""One group of workers as its table in `leveret.toml` describes it."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from messages.context import FORBIDDEN_WORDS
from topology import GroupSpec
from topology.design import EVERYTHING, LEAST_BYTES, QUEUE_BYTES
from topology.patterns import checked_pattern
from workers.settings.bounds import Bounds
from workers.settings.durations import Bytes, show_size
from workers.settings.lists import Texts

PREFETCH: Final = Bounds(
    least=1,
    most=65_535,
    below="without a prefetch the broker sends all it has, and a quorum queue stalls after 2,000",
    above="the broker takes no more on one channel",
)
QUEUE: Final = Bounds(
    least=LEAST_BYTES,
    most=2**50,
    below="the queue could not hold one large message",
    above="no disk holds that much",
    show=lambda size: show_size(int(size)),
)


def _patterns(bindings: tuple[str, ...]) -> tuple[str, ...]:
    if not bindings:
        raise ValueError("without bindings the group would get nothing; give some, such as *,*.*")
    return tuple(map(checked_pattern, bindings))


class GroupSettings(BaseModel):
    """What a group takes, how much of it at once, and how far it trusts who sent it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Topic patterns on `<prefix>.requests`.
    bindings: Annotated[Texts, AfterValidator(_patterns)] = EVERYTHING
    #: The context in which documents are checked; a document must be classified like this.
    security_level: Literal["public", "internal", "confidential", "secret"] = "public"
    #: Broker users who may send documents here; everybody where it names nobody.
    cleared_senders: Texts = ()
    #: Broker users who may move amounts over 10,000.
    high_value_senders: Texts = ()
    #: What must not stand in fields named financial.
    forbidden_words: Texts = FORBIDDEN_WORDS
    #: How much validation the queue pays for.
    lane: Literal["full", "typed", "trusted", "cached"] = "full"
    #: Broker users whose messages the lane `trusted` takes unvalidated.
    trusted_senders: Texts = ()
    #: Whether a message older than its ttl expires; off for long queues.
    ttl: bool = True
    #: In place of the worker's own prefetch.
    prefetch: Annotated[int, AfterValidator(PREFETCH.number)] | None = None
    #: Bytes in a queue before its publishers get a nack.
    max_length_bytes: Annotated[Bytes, AfterValidator(QUEUE.number)] = QUEUE_BYTES

    @model_validator(mode="after")
    def _trust_names_somebody(self) -> Self:
        if self.lane == "trusted" and not self.trusted_senders:
            raise ValueError(
                "the lane `trusted` trusts nobody here: name broker users in trusted_senders, "
                'or take the lane "full"'
            )
        return self

    def spec(self, name: str) -> GroupSpec:
        """Return what the topology needs to know of the group."""
        size = self.max_length_bytes
        return GroupSpec(
            name=name, bindings=self.bindings, work_bytes=size, urgent_bytes=size, dead_bytes=size
        )
