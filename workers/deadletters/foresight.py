"""What a replay would do now: the worker's own first steps, on the message as it would come.

Nothing is processed. Where a letter was the processor's doing, only a run can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from messages import ErrorCode
from workers.deadletters.replaying import publication
from workers.outcome import Delivery, Properties
from workers.pipeline import Pipeline
from workers.policy import policy_of
from workers.presence.heartbeat import describe

if TYPE_CHECKING:
    from messages import FieldError
    from workers.deadletters.letter import Letter, Summary
    from workers.registry import Registry
    from workers.settings import Settings

#: Reasons that lie with the processor or its surroundings, which reading the message cannot judge.
_AFTERWARDS: Final = frozenset(
    {
        ErrorCode.REJECTED,
        ErrorCode.PROCESSING_FAILED,
        ErrorCode.TIMEOUT,
        ErrorCode.CRASH_LOOP,
        ErrorCode.BROKER_REJECTED,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """Whether today's worker would take the message, and why not."""

    passes: bool
    #: Whether the processor has the last word: it was it, or the broker, that gave the message up.
    undecided: bool = False
    error_code: str = ""
    reason: str = ""
    errors: tuple[FieldError, ...] = ()


class Foresight:
    """Judges letters as a worker with this registry would; `user` is who replays."""

    def __init__(self, pipeline: Pipeline, *, user: str) -> None:
        self._pipeline = pipeline
        self._user = user

    @classmethod
    def of(cls, settings: Settings, registry: Registry, *, user: str) -> Foresight:
        """Return what the settings and processors of a worker foresee."""
        source = describe(settings, registry, load_factor=0.0)
        return cls(Pipeline(registry, policy_of(settings, source, user=user)), user=user)

    def letter(self, letter: Letter, queue: str, *, body: bytes | None = None) -> Foreseen:
        """Return what would become of a letter, or of another body in its place."""
        failure = self._pipeline.foresee(self._delivery(letter, queue, body))
        if failure is not None:
            return Foreseen(
                passes=False,
                error_code=failure.code.value,
                reason=failure.reason,
                errors=failure.errors,
            )
        return Foreseen(passes=True, undecided=_undecided(letter))

    def _delivery(self, letter: Letter, queue: str, body: bytes | None) -> Delivery:
        message = publication(letter, queue, body=body)
        properties = Properties(
            content_type=message.content_type,
            content_encoding=message.content_encoding,
            headers=message.headers,
            correlation_id=message.correlation_id,
            reply_to=message.reply_to,
            type=message.type,
            timestamp=message.timestamp,
            user_id=self._user,
        )
        return Delivery(
            message.body,
            properties,
            message.exchange,
            message.routing_key,
            queue,
        )


def _undecided(letter: Summary) -> bool:
    return letter.error_code in _AFTERWARDS
