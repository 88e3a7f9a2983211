"""Clean copies of a message for the retry ladder and the dead letters. Pure.

The body goes on byte for byte. Of the sender's headers only plain, small, harmless ones do: the
broker acts on `x-death`, `CC` and `BCC`, and a stranger must not steer it through us.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import orjson

from topology.names import LONGEST_NAME
from workers import headers as h
from workers.publication import Headers, Publication

if TYPE_CHECKING:
    from datetime import datetime

    from topology import Names
    from workers.outcome import DeadLettered, Delivery, Expired, Failure, Retried, Subject

#: Bytes of the `leveret-error` header; with the history and the rest our headers stay under 16 KiB.
MOST_ERROR: Final = 8_192
#: Characters of each text of a single error, and of an exception's name: nobody may make a letter
#: unsendable by what they call their things.
MOST_TEXT: Final = 500
MOST_NAME: Final = 200
#: Bytes of each text that a bare copy keeps, beside those by which it finds its way.
MOST_BARE: Final = 100
#: Characters that fit a name of AMQP's whatever they are: UTF-8 takes four bytes at most.
_SURELY_SHORT: Final = LONGEST_NAME // 4
#: The exchange that takes a copy straight to the queue its routing key names.
AT_ONCE: Final = ""
#: Headers that a bare copy keeps whole: an operator sends a letter back by them.
_WAY: Final = frozenset({h.EXCHANGE, h.ROUTING_KEY, h.QUEUE, h.MESSAGE_ID, h.USER_ID})
#: A list index in a field path: the same mistake at another place is the same mistake.
_INDEX: Final = re.compile(r"\.\d+(?=\.|$)|\[\d+\]")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who makes the copies: the worker, its group, and the names it publishes to."""

    names: Names
    group: str
    worker: str
    #: The broker user, by which our copies are believed when they come back.
    user: str
    #: The broker users whose replays are believed.
    operators: frozenset[str] = frozenset()


def fingerprint(failure: Failure, subject: Subject) -> str:
    """Return what failures of the same kind share: 16 hex digits."""
    places = tuple([(error.error_type, error.field_path) for error in failure.errors])
    code = failure.code.value
    return _fingerprint(code, *subject.told, failure.exception, places)


@lru_cache(maxsize=256)
def _fingerprint(
    code: str,
    message_type: str,
    task_type: str,
    exception: str,
    places: tuple[tuple[str, str], ...],
) -> str:
    kinds = sorted({(kind, _INDEX.sub(".*", path)) for kind, path in places})
    what = (code, message_type, task_type, exception, kinds)
    return hashlib.sha256(orjson.dumps(what)).hexdigest()[:16]


def error_header(failure: Failure) -> str:
    """Return the diagnosis as JSON, with as many of its errors as the header has room for."""
    errors = [
        {name: text[:MOST_TEXT] for name, text in error._asdict().items()}
        for error in failure.errors
    ]
    process = {} if failure.process is None else {"process": failure.process._asdict()}
    while True:
        text = orjson.dumps(
            {
                "code": failure.code.value,
                "reason": failure.reason[:1_000],
                "error_count": failure.error_count,
                "errors": errors,
                "retryable": failure.retryable,
                "exception": failure.exception[:MOST_NAME],
                **process,
            },
        )
        if len(text) <= MOST_ERROR or not errors:
            return text.decode()
        errors = errors[: len(errors) // 2]


def journal_copy(letter: Publication, origin: Origin) -> Publication:
    """Return the copy of a dead letter that the journal keeps, and that whoever else binds to it.

    It goes out once the letter is in the open work, and reaches no group's queue.
    """
    return letter._replace(
        exchange=origin.names.dead, routing_key=origin.names.history_key(origin.group)
    )


def retry_copy(delivery: Delivery, outcome: Retried, origin: Origin, now: datetime) -> Publication:
    """Return the copy that comes back to the queue this delivery came from, by way of a rung."""
    headers = _lineage(delivery, origin, now) | h.told({h.STARTS: outcome.starts or None})
    headers |= {
        h.ATTEMPTS: outcome.attempt,
        h.HISTORY: h.write_history(outcome.history),
    }
    rung = AT_ONCE if outcome.delay is None else origin.names.retry(outcome.delay)
    return _copy(delivery, rung, delivery.queue, headers)


def dead_letter(
    delivery: Delivery,
    outcome: DeadLettered | Expired,
    origin: Origin,
    now: datetime,
) -> Publication:
    """Return the dead letter: the body as it came, and why nothing could be done with it.

    It goes straight to the queue of open letters. By way of an exchange, any other queue bound
    there would do for the broker's word that it has one, and the letter be in no open work.
    """
    failure, subject = outcome.failure, outcome.subject
    message_type, task_type = subject.told
    headers = _lineage(delivery, origin, now) | {
        h.ID: outcome.letter_id,
        h.ERROR_CODE: failure.code.value,
        h.ERROR: error_header(failure),
        h.FINGERPRINT: fingerprint(failure, subject),
        h.ATTEMPTS: outcome.attempts,
        h.HISTORY: h.write_history(outcome.history),
        h.FAILED_AT: now.isoformat(),
        h.WORKER: origin.worker,
        h.QUEUE: delivery.queue,
        h.MESSAGE_TYPE: _short(message_type),
        h.TASK_TYPE: _short(task_type),
    }
    return _copy(delivery, AT_ONCE, origin.names.dead_queue(origin.group), Headers(headers))


def bare(copy: Publication) -> Publication:
    """Return a copy with no more than it cannot do without, for when the whole cannot be sent.

    Where it came from and goes back to stays; its history, the single errors and the sender's own
    headers do not, and other texts are cut. A bare copy stays as it is.
    """
    headers: dict[str, object] = {}
    for name, value in copy.headers.items():
        if name in _WAY or (name.startswith(h.OURS) and isinstance(value, int)):
            headers[name] = value
        elif name == h.ERROR:
            headers[name] = _bare_error(value)
        elif name.startswith(h.OURS) and name != h.HISTORY and isinstance(value, str):
            headers[name] = _cut(value, MOST_BARE)
    return copy._replace(headers=headers)


def _bare_error(told: object) -> str:
    """Return the code, and the beginning of the reason."""
    failure = orjson.loads(str(told))
    reason = failure["reason"][:MOST_BARE]
    return orjson.dumps({"code": failure["code"], "reason": reason}).decode()


def _lineage(delivery: Delivery, origin: Origin, now: datetime) -> dict[str, object]:
    """Return where the message truly came from, which the copy itself can no longer say."""
    past = h.past(delivery, origin.user, origin.operators)
    properties = delivery.properties
    # A copy's own id and user are this worker's; what the first sender did not say stays unsaid.
    first = not past.is_copy
    return h.kept(properties) | h.told(
        {
            h.FIRST_SEEN: past.first_seen or now.isoformat(),
            h.EXCHANGE: delivery.exchange if past.exchange is None else past.exchange,
            h.ROUTING_KEY: delivery.routing_key if past.routing_key is None else past.routing_key,
            h.MESSAGE_ID: properties.message_id if first else past.message_id,
            h.USER_ID: properties.user_id if first else past.user_id,
            h.REPLAYS: past.replays or None,
            h.REPLAY_OF: past.replay_of,
        },
    )


def _copy(
    delivery: Delivery,
    exchange: str,
    routing_key: str,
    headers: dict[str, object],
) -> Publication:
    properties = delivery.properties
    return Publication(
        exchange,
        routing_key,
        delivery.body,
        headers,
        content_type=_short(properties.content_type),
        content_encoding=_short(properties.content_encoding),
        correlation_id=_short(properties.correlation_id),
        reply_to=_short(properties.reply_to),
        type=_short(properties.type),
        timestamp=properties.timestamp,
    )


def _short(text: str | None) -> str | None:
    """Return a text that fits AMQP's 255 bytes: replacement characters may have made it longer."""
    if text is None or len(text) <= _SURELY_SHORT:
        return text
    return _cut(text, LONGEST_NAME)


def _cut(text: str, most: int) -> str:
    """Return what of a text fits so many bytes."""
    return text.encode()[:most].decode("utf-8", "ignore")
