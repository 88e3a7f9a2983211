"""The AMQP headers leveret writes, each spelled here, and what is believed when they come back.

Anyone who may publish may write any header. Ours are believed only on deliveries whose
broker-validated `user_id` is this worker's own user, which is what every copy we publish carries,
or an operator's, who replays dead letters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from workers.outcome import Attempt

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from workers.outcome import Delivery, Properties

#: What the name of each of ours begins with.
OURS: Final = "leveret-"
ID: Final = "leveret-id"
ERROR_CODE: Final = "leveret-error-code"
ERROR: Final = "leveret-error"
FINGERPRINT: Final = "leveret-fingerprint"
ATTEMPTS: Final = "leveret-attempts"
HISTORY: Final = "leveret-history"
FIRST_SEEN: Final = "leveret-first-seen"
FAILED_AT: Final = "leveret-failed-at"
WORKER: Final = "leveret-worker"
EXCHANGE: Final = "leveret-exchange"
ROUTING_KEY: Final = "leveret-routing-key"
QUEUE: Final = "leveret-queue"
REPLAYS: Final = "leveret-replays"
REPLAY_OF: Final = "leveret-replay-of"
#: Starts of a message that are proven to have ended with the death of the process.
STARTS: Final = "leveret-starts"
#: Beyond interface.md: what a copy must remember of its original, since a publish cannot forge it.
MESSAGE_ID: Final = "leveret-message-id"
USER_ID: Final = "leveret-user-id"
MESSAGE_TYPE: Final = "leveret-message-type"
TASK_TYPE: Final = "leveret-task-type"
#: The broker's own: how often it handed the message out before, in a quorum queue.
DELIVERED: Final = "x-delivery-count"
#: The broker's own: a message's place in the stream it is read from.
OFFSET: Final = "x-stream-offset"

#: Attempts told in a history; the first one and the latest are kept.
MOST_HISTORY: Final = 10
#: Characters of a reason in a history, so that ten of them stay far below the header limit.
MOST_REASON: Final = 200

#: Never copied: the broker acts on them (x-death decides dead-lettering loops, CC and BCC route).
_DANGEROUS: Final = ("x-", "cc", "bcc", OURS)
#: Sender's headers kept on copies: bounded, because a header frame is never split.
MOST_KEPT: Final = 32
MOST_KEPT_BYTES: Final = 8_192


class Past(NamedTuple):
    """What earlier attempts left on a message; all empty for one that comes for the first time."""

    attempts: int = 0
    history: tuple[Attempt, ...] = ()
    first_seen: str | None = None
    exchange: str | None = None
    routing_key: str | None = None
    message_id: str | None = None
    user_id: str | None = None
    replays: int = 0
    replay_of: str | None = None
    starts: int = 0

    @property
    def is_copy(self) -> bool:
        """Whether the message is a copy that was made here: a retry, one held back, a replay."""
        return self.first_seen is not None or bool(self.attempts or self.replays)


NOTHING_BEFORE: Final = Past()


def past(delivery: Delivery, own_user: str | None, operators: Collection[str] = ()) -> Past:
    """Return what our own copy says about earlier attempts; nothing if it is not our copy.

    `operators` are the broker users whose replays are believed as well.
    """
    properties = delivery.properties
    sender = properties.user_id
    if not properties.headers or own_user is None or sender is None:
        return NOTHING_BEFORE
    if sender != own_user and sender not in operators:
        return NOTHING_BEFORE
    headers = properties.headers
    return Past(
        attempts=_count(headers.get(ATTEMPTS)),
        history=_history(headers.get(HISTORY)),
        first_seen=_text(headers.get(FIRST_SEEN)),
        exchange=_text(headers.get(EXCHANGE)),
        routing_key=_text(headers.get(ROUTING_KEY)),
        message_id=_text(headers.get(MESSAGE_ID)),
        user_id=_text(headers.get(USER_ID)),
        replays=_count(headers.get(REPLAYS)),
        replay_of=_text(headers.get(REPLAY_OF)),
        starts=_count(headers.get(STARTS)),
    )


def kept(properties: Properties) -> dict[str, object]:
    """Return the sender's own headers that a copy may carry: plain values, few, small, harmless."""
    room = MOST_KEPT_BYTES
    few: dict[str, object] = {}
    for name, value in properties.headers.items():
        if name.lower().startswith(_DANGEROUS) or len(few) == MOST_KEPT:
            continue
        if not isinstance(value, str | bool | int | float):
            continue
        room -= len(name.encode()) + len(str(value).encode()) + 16
        if room < 0:
            break
        few[name] = value
    return few


def write_history(history: tuple[Attempt, ...]) -> str:
    """Return the history as JSON: the first attempt and the latest ones, reasons cut."""
    told = history if len(history) <= MOST_HISTORY else (history[0], *history[1 - MOST_HISTORY :])
    rows = [attempt._replace(reason=attempt.reason[:MOST_REASON])._asdict() for attempt in told]
    return orjson.dumps(rows).decode()


def delivered(delivery: Delivery) -> int:
    """Return how often the broker says it handed this out before; 0 where it does not say."""
    # On the first delivery the word is the sender's.
    return _count(delivery.properties.headers.get(DELIVERED)) if delivery.redelivered else 0


def offset_of(delivery: Delivery) -> int:
    """Return a message's place in its stream; -1 for one that comes from no stream."""
    place = delivery.properties.headers.get(OFFSET)
    return place if isinstance(place, int) else -1


def _history(value: object) -> tuple[Attempt, ...]:
    if not isinstance(value, str):
        return ()
    try:
        rows = orjson.loads(value)
        return tuple(Attempt(**row) for row in rows)[: MOST_HISTORY + 1]
    except (orjson.JSONDecodeError, TypeError):  # written by another version: told as no history
        return ()


def _count(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 1_000_000 else 0  # noqa: PLR2004 - sane


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def told(pairs: Mapping[str, object | None]) -> dict[str, object]:
    """Return the headers that have a value."""
    return {name: value for name, value in pairs.items() if value is not None}
