"""Where an operator works on dead letters, and what stands in the way of it, in words."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from aiormq.exceptions import (
    AMQPChannelError,
    ChannelAccessRefused,
    ChannelLockedResource,
    ChannelNotFoundEntity,
)
from yarl import URL

from topology import TopologyError
from workers.link.supervisor import LinkError, Lost, explain

if TYPE_CHECKING:
    from topology import Names


class ScanRefused(LinkError):
    """Somebody else holds these letters in hand at this moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Which broker, under which names, whose letters."""

    amqp_url: str
    names: Names
    group: str
    #: Another queue to look into than the group's own; its letters are anybody's.
    named: str | None = None
    #: Whether that one may be looked at although its broker counts looks, and drops what was looked
    #: at too often.
    counted: bool = False
    #: Seconds.
    connect_timeout: float = 10.0

    @property
    def queue(self) -> str:
        """The queue of the letters that are still open."""
        return self.names.dead_queue(self.group) if self.named is None else self.named

    @property
    def foreign(self) -> bool:
        """Whether the journal knows nothing of these letters: the queue is another program's."""
        return self.named is not None and self.named != self.names.dead_queue(self.group)

    @property
    def lock(self) -> str:
        """The exclusive queue that stands for the right to scan.

        One of the control queues, since those an operator's broker user may declare.
        """
        whose = sha256(self.queue.encode()).hexdigest()[:16] if self.foreign else self.group
        return self.names.control_queue(f"scan.{whose}")

    @property
    def missing(self) -> str:
        """What to say where there is no such queue."""
        if self.foreign:
            return f"there is no queue {self.queue}; look at its name (--queue)"
        return (
            f"there is no queue {self.queue}; is the group right (--group)? If it is, "
            "`leveret topology apply` makes its queues"
        )

    @property
    def user(self) -> str:
        """The broker user who works here."""
        return URL(self.amqp_url).user or "guest"

    @property
    def address(self) -> str:
        """The broker's address as it may be shown."""
        return str(URL(self.amqp_url).with_query(None).with_user(None))


def refusal(error: Exception, desk: Desk) -> LinkError:
    """Return what a person should know about an error at this desk."""
    match error:
        case LinkError():
            return error
        case ChannelLockedResource():
            return ScanRefused(
                f"somebody else has the letters of {desk.queue} in hand: an action, which may be "
                "paused, or a look through the queue; `leveret dlq history` tells what goes on; "
                "try again when it is done",
            )
        case ChannelNotFoundEntity():
            return LinkError(desk.missing)
        case ChannelAccessRefused():
            return LinkError(
                f"the broker user {desk.user} may not do this ({_text(error)}); connect as one "
                "with the permissions of the operator role (`leveret topology export`)",
            )
        case AMQPChannelError():
            return LinkError(f"the broker refused to go on with {desk.queue}: {_text(error)}")
        case TopologyError() | Lost():
            return LinkError(
                f"the letters of {desk.queue} went back to the broker, none is lost: {error}; "
                "look whether the broker runs, then try again",
            )
        case _:
            return explain(error, desk.address)


def _text(error: BaseException) -> str:
    return " ".join(" ".join(map(str, error.args)).split())
