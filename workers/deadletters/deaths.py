"""What `x-death` tells about a message that the broker dead-lettered by itself. Pure.

Old brokers let a sender write this header too. The broker puts its own latest entry first, so only
that one is read. A stream of RabbitMQ 3 keeps no `x-death` at all, only the three words about the
first death.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The last second of the year 9999, after which no calendar goes.
LAST_SECOND: Final = 253_402_300_799
FIRST_QUEUE: Final = "x-first-death-queue"
#: What the broker's reasons mean to people.
_MEANINGS: Final[Mapping[str, str]] = {
    "delivery_limit": "it was delivered too often without being settled, as by a worker that dies",
    "expired": "it waited in a queue for longer than the queue allows",
    "rejected": "a consumer rejected it",
    "maxlen": "its queue was full",
}


class Death(NamedTuple):
    """The latest time a queue gave the message up."""

    queue: str
    #: `delivery_limit`, `expired`, `rejected` or `maxlen`.
    reason: str
    #: ISO 8601, UTC; None where it was not told.
    time: str | None = None
    #: Where it had been published before it came to that queue.
    exchange: str | None = None
    routing_key: str | None = None

    @property
    def explained(self) -> str:
        """The reason in words, the queue with it."""
        meaning = _MEANINGS.get(self.reason)
        return f"{self.reason} in {self.queue}" + (f" ({meaning})" if meaning else "")


def last_death(headers: Mapping[str, object]) -> Death | None:
    """Return the latest death, or None where the broker did not dead-letter the message."""
    match headers.get("x-death"):
        case [{"queue": str(queue), "reason": str(reason), **rest}, *_]:
            keys = rest.get("routing-keys")
            exchange = rest.get("exchange")
            return Death(
                queue,
                reason,
                _instant(rest.get("time")),
                exchange if isinstance(exchange, str) else None,
                keys[0] if isinstance(keys, list) and keys and isinstance(keys[0], str) else None,
            )
        case None if FIRST_QUEUE not in headers:
            return None
        case _:
            return first_death(headers)


def first_death(headers: Mapping[str, object]) -> Death:
    """Return what every copy of the message tells about its first death."""
    exchange = headers.get("x-first-death-exchange")
    return Death(
        _text(headers, FIRST_QUEUE),
        _text(headers, "x-first-death-reason"),
        exchange=exchange if isinstance(exchange, str) else None,
    )


def _text(headers: Mapping[str, object], name: str) -> str:
    value = headers.get(name)
    return value if isinstance(value, str) else "unknown"


def _instant(seconds: object) -> str | None:
    if not isinstance(seconds, int) or not 0 <= seconds <= LAST_SECOND:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat()
