"""One message on its way out, before it is bytes; and what became of it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers.outcome import Answer


class Headers(dict[str, object]):
    """Headers that go out more than once, with what they are on the wire, once somebody knows.

    They are not changed any more: the letter and its copy in the journal have the same.
    """

    __slots__ = ("packed",)

    def __init__(self, headers: Mapping[str, object]) -> None:
        super().__init__(headers)
        self.packed = b""


class Publication(NamedTuple):
    """A message to publish: where, what, and the properties that go with it.

    `user_id`, `app_id`, `message_id` and the delivery mode are the link's to set: they are the same
    for everything a worker says.
    """

    exchange: str
    routing_key: str
    body: bytes
    headers: Mapping[str, object] = {}
    content_type: str | None = "application/json"
    content_encoding: str | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    type: str | None = None
    #: Seconds since 1970; None is now.
    timestamp: int | None = None


class Published(Enum):
    """What the broker said about a publication."""

    #: Every queue it went to has it.
    CONFIRMED = "confirmed"
    #: No queue is bound there: the broker gave it back.
    RETURNED = "returned"
    #: A queue it should go to refused it (full, or failing); none has it for certain.
    REFUSED = "refused"
    #: Nobody knows: the line was lost before the broker's word, and it was not or must not be sent
    #: again.
    UNKNOWN = "unknown"
    #: Its exchange is gone, or not ours to write to: the broker closed a channel for it.
    CLOSED = "closed"
    #: It does not fit into AMQP, or into the frames this broker takes; nothing was sent.
    UNSENDABLE = "unsendable"


def aim(message: Publication | Answer) -> str:
    """Return where a message goes, for people: its exchange, or the queue it goes straight to."""
    if message.exchange:
        return f"exchange {message.exchange}"
    return f"queue {message.routing_key}"
