"""One delivery on its way through the pipeline, and what the settings say about all of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from messages import TaskRequestPayload
from workers.headers import NOTHING_BEFORE
from workers.lanes import Lane
from workers.security import Security

if TYPE_CHECKING:
    from datetime import datetime

    from messages import AgentMetadata, Envelope, TaskRequest
    from messages.json_rpc import Call
    from workers import headers
    from workers.answering.asking import Answerable, Asker
    from workers.outcome import Delivery, Subject
    from workers.recovery import Ladder

#: The message type that is dispatched a second time, by its task type.
TASK: Final = TaskRequestPayload.message_type_name()
#: Where a task's parameters stand in the envelope, for the paths of error messages.
PARAMETERS: Final = ("payload", "request", "parameters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the settings say about every message of this worker."""

    source: AgentMetadata
    #: The broker user our own copies carry.
    user: str
    answerable: Answerable
    ladder: Ladder
    max_body_bytes: int
    max_answer_bytes: int
    #: Seconds an attempt may take where its processor names no limit.
    time_limit: float
    #: Whether a message older than its ttl is expired.
    ttl: bool = True
    #: The broker users whose replays are believed.
    operators: frozenset[str] = frozenset()
    #: What its group allows, and to whom.
    security: Security = field(default_factory=Security)
    #: How much validation its queue pays for.
    lane: Lane = field(default_factory=Lane)


@dataclass(slots=True)
class Request:
    """One delivery on its way through the pipeline, and what is known of it so far.

    The steps fill it in as they learn more, so that a refusal can tell all that was known. Not
    frozen: a copy for each step would cost more than some of the steps.
    """

    delivery: Delivery
    past: headers.Past
    subject: Subject
    asker: Asker
    envelope: Envelope | None = None
    #: When the asker of a task stops caring; None where it did not say.
    deadline: datetime | None = None
    #: The call it came as; None for the protocol's own form.
    call: Call | None = None

    def but(self, **changes: Any) -> Request:
        """Return a copy in which some things are different."""
        return replace(self, **changes)

    @property
    def sender(self) -> str | None:
        """The broker's user who sent it first, for whom the broker vouches; None if it does not.

        Copies of our own name their original's sender, and are believed only as our own.
        """
        past = self.past
        if past is not NOTHING_BEFORE and past.is_copy:
            return past.user_id
        return self.delivery.properties.user_id

    @property
    def attempt(self) -> int:
        """1 for the first try."""
        return self.past.attempts + 1


def task_of(envelope: Envelope) -> TaskRequest | None:
    """Return the task a message asks for; None where it asks for none."""
    if envelope.message_type != TASK:
        return None
    task: TaskRequest = envelope.payload.request  # type: ignore[attr-defined] # the discriminator says so
    return task


def deadline_of(envelope: Envelope) -> datetime | None:
    """Return when the asker of a task stops caring; None where it did not say."""
    task = task_of(envelope)
    return None if task is None else task.deadline
