"""A dead letter as data: what a list shows of it, and the whole of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from messages import FieldError
    from workers.outcome import Attempt, Properties


class Diagnosis(NamedTuple):
    """Why the message could not be done, as `leveret-error` tells it."""

    #: One line for people.
    reason: str = ""
    errors: tuple[FieldError, ...] = ()
    #: How many errors there truly were.
    error_count: int = 0
    #: Whether the same message could pass later.
    retryable: bool = False
    #: The type of the exception; empty where none was raised.
    exception: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a list shows of a letter; small, so that a hundred thousand fit into memory.

    All texts may come from a stranger: clean them before a terminal sees them. Times are ISO 8601
    in UTC, None where nobody told them.
    """

    id: str
    error_code: str
    #: What failures of the same kind share, 16 hex digits.
    fingerprint: str
    message_type: str
    task_type: str
    #: 0 where it is not known.
    attempts: int
    first_seen: str | None
    failed_at: str | None
    #: The id of the worker that gave it up; empty where the broker did.
    worker: str
    #: Where its sender had published it.
    exchange: str | None
    routing_key: str | None
    #: The work queue it was taken from.
    queue: str | None
    #: How often it had been replayed before, and as which letter.
    replays: int
    replay_of: str | None
    #: Who the message says it comes from; empty where it does not.
    agent: str
    #: Bytes of the body.
    size: int
    #: Whether the broker gave it up by itself, so that little is known.
    by_broker: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter(Summary):
    """The whole letter."""

    #: The original, byte for byte.
    body: bytes
    diagnosis: Diagnosis
    #: Earlier attempts, oldest first.
    history: tuple[Attempt, ...]
    #: The AMQP properties of the letter itself, headers included.
    properties: Properties
    #: The message id and broker user of the original, as far as they can be believed.
    message_id: str | None
    user_id: str | None
