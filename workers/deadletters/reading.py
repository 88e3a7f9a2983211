"""Delivery → letter, whatever stands in its headers: reading raises nothing. Pure.

A letter that a worker wrote has our headers. One that the broker dead-lettered by itself (delivery
limit, expiry) has `x-death`, and its other headers are the sender's: ours among them are believed
only on copies of our own, known by their broker-validated user.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from sys import intern
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from messages import ErrorCode, FieldError
from topology.names import URGENT
from workers import headers as h
from workers.deadletters.deaths import Death, first_death, last_death
from workers.deadletters.instants import instant
from workers.deadletters.letter import Diagnosis, Letter, Summary
from workers.outcome import Attempt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from topology import Names
    from workers.outcome import Delivery

#: Hex digits of an id that we derive ourselves, and of a fingerprint.
ID_DIGITS: Final = 32
FINGERPRINT_DIGITS: Final = 16
#: Characters kept of a text in a summary; AMQP's own names have at most 255.
LONGEST: Final = 255
#: Bytes of the largest body that is parsed to find its sender.
MOST_PARSED: Final = 1 << 18
#: Characters of a reason, as many as a dead letter has.
LONGEST_REASON: Final = 1_000
#: What an id looks like that stands in addresses and on command lines as it is.
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads letters under these names, for an operator logged in as the broker user `user`."""

    names: Names
    user: str

    def own(self, delivery: Delivery) -> bool:
        """Whether the letter has an id that a worker gave to it alone."""
        headers = delivery.properties.headers
        return _given_id(headers) is not None and last_death(headers) is None

    def id(self, delivery: Delivery) -> str:
        """Return the letter's id alone; it is the same at every scan."""
        headers = delivery.properties.headers
        return (None if last_death(headers) else _given_id(headers)) or _derived_id(delivery)

    def summary(self, delivery: Delivery) -> Summary:
        """Return what a list shows."""
        return Summary(**self._summary(delivery))

    def letter(self, delivery: Delivery) -> Letter:
        """Return the whole letter."""
        properties = delivery.properties
        death = last_death(properties.headers)
        past = h.past(delivery, self.user)
        # What a worker wrote about the sender's identity is believed like any other copy's; the
        # broker's own letters are still the sender's message, or a copy of ours.
        direct = death is not None and past is h.NOTHING_BEFORE
        return Letter(
            **self._summary(delivery),
            body=delivery.body,
            diagnosis=_broker_diagnosis(death) if death else _diagnosis(properties.headers),
            history=past.history if death else _history(properties.headers),
            properties=properties,
            message_id=properties.message_id if direct else past.message_id,
            user_id=properties.user_id if direct else past.user_id,
        )

    def reason(self, delivery: Delivery) -> str:
        """Return why, in one line."""
        headers = delivery.properties.headers
        death = last_death(headers)
        return (_broker_diagnosis(death) if death else _diagnosis(headers)).reason

    def _summary(self, delivery: Delivery) -> dict[str, Any]:
        death = last_death(delivery.properties.headers)
        own = death is None and h.ERROR_CODE in delivery.properties.headers
        return _own(delivery) if own else self._foreign(delivery, death)

    def _foreign(self, delivery: Delivery, death: Death | None) -> dict[str, Any]:
        """Return what is known of a letter that no worker wrote."""
        past = h.past(delivery, self.user)
        exchange, routing_key = past.exchange, past.routing_key
        if exchange is None and death is not None:
            exchange, routing_key = death.exchange, death.routing_key
        # A request's routing key begins with its types, as far as its sender told the truth.
        asked = (routing_key or "").split(".") if exchange == self.names.requests else [""]
        told = _told(delivery.body)
        message_type = told.message_type or delivery.properties.type or asked[0] or _UNKNOWN
        guessed = asked[1] if len(asked) > 1 and asked[1] != URGENT else ""
        task_type = told.task_type if told.message_type else guessed
        kind = (ErrorCode.BROKER_REJECTED, message_type, task_type, death.reason if death else "")
        return {
            "id": self.id(delivery),
            "error_code": ErrorCode.BROKER_REJECTED.value,
            "fingerprint": _digest(*kind)[:FINGERPRINT_DIGITS],
            "message_type": intern(message_type[:LONGEST]),
            "task_type": intern(task_type),
            "attempts": past.attempts,
            "first_seen": instant(past.first_seen),
            "failed_at": death.time if death else None,
            "worker": "",
            "exchange": exchange,
            "routing_key": routing_key,
            "queue": death.queue if death else None,
            "replays": past.replays,
            "replay_of": past.replay_of,
            "agent": told.agent,
            "size": len(delivery.body),
            "by_broker": True,
        }


def _own(delivery: Delivery) -> dict[str, Any]:
    """Return what a worker wrote down."""
    headers = delivery.properties.headers
    return {
        "id": _given_id(headers) or _derived_id(delivery),
        "error_code": intern(_text(headers, h.ERROR_CODE) or _UNKNOWN),
        "fingerprint": intern(_text(headers, h.FINGERPRINT) or ""),
        "message_type": intern(_text(headers, h.MESSAGE_TYPE) or _UNKNOWN),
        "task_type": intern(_text(headers, h.TASK_TYPE) or ""),
        "attempts": _count(headers, h.ATTEMPTS),
        "first_seen": instant(_text(headers, h.FIRST_SEEN)),
        "failed_at": instant(_text(headers, h.FAILED_AT)),
        "worker": intern(_text(headers, h.WORKER) or ""),
        "exchange": _interned(_text(headers, h.EXCHANGE)),
        "routing_key": _interned(_text(headers, h.ROUTING_KEY)),
        "queue": _interned(_text(headers, h.QUEUE)),
        "replays": _count(headers, h.REPLAYS),
        "replay_of": _text(headers, h.REPLAY_OF),
        "agent": _told(delivery.body).agent,
        "size": len(delivery.body),
        "by_broker": False,
    }


def _diagnosis(headers: Mapping[str, object]) -> Diagnosis:
    told = _json(headers.get(h.ERROR))
    if not isinstance(told, dict):
        return Diagnosis("its error header cannot be read")
    rows = told.get("errors")
    errors = tuple(map(_field_error, rows)) if isinstance(rows, list) else ()
    return Diagnosis(
        _text(told, "reason", longest=LONGEST_REASON) or "",
        errors,
        max(_count(told, "error_count"), len(errors)),
        told.get("retryable") is True,
        _text(told, "exception") or "",
    )


def _broker_diagnosis(death: Death) -> Diagnosis:
    return Diagnosis(f"the broker gave it up by itself: {death.explained}")


def _field_error(row: object) -> FieldError:
    told = row if isinstance(row, dict) else {}
    return FieldError(*(str(told.get(field, "")) for field in FieldError._fields))


def _history(headers: Mapping[str, object]) -> tuple[Attempt, ...]:
    rows = _json(headers.get(h.HISTORY))
    if not isinstance(rows, list):
        return ()
    return tuple(
        Attempt(
            _count(row, "attempt"),
            _text(row, "error_code") or "",
            _text(row, "reason") or "",
            _text(row, "failed_at") or "",
            _text(row, "worker") or "",
        )
        for row in rows
        if isinstance(row, dict)
    )


def _given_id(headers: Mapping[str, object]) -> str | None:
    """Return the id that a worker gave the letter; None for what could be no such id."""
    given = headers.get(h.ID)
    return given if isinstance(given, str) and _ID.fullmatch(given) else None


def _derived_id(delivery: Delivery) -> str:
    """Return an id that a letter without one keeps, in the queue as in the journal."""
    properties = delivery.properties
    death = first_death(properties.headers)
    told = (properties.message_id, properties.correlation_id, properties.timestamp, death)
    return hashlib.sha256(repr(told).encode() + delivery.body).hexdigest()[:ID_DIGITS]


class _Told(NamedTuple):
    """What the message says of itself."""

    agent: str = ""
    message_type: str = ""
    task_type: str = ""


def _told(body: bytes) -> _Told:
    try:
        document = orjson.loads(body) if len(body) <= MOST_PARSED else None
    except orjson.JSONDecodeError:
        return _Told()
    match document:
        case {"source_agent": {"agent_id": str(agent)}, "payload": dict(payload)}:
            request = payload.get("request")
            task_type = request.get("task_type") if isinstance(request, dict) else ""
            return _Told(*map(_named, (agent, payload.get("message_type"), task_type)))
        case _:
            return _Told()


def _named(value: object) -> str:
    return intern(value[:LONGEST]) if isinstance(value, str) else ""


def _digest(*parts: str) -> str:
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()


def _json(value: object) -> Any:
    try:
        return orjson.loads(value) if isinstance(value, str) else None
    except orjson.JSONDecodeError:
        return None


def _text(headers: Mapping[str, object], name: str, *, longest: int = LONGEST) -> str | None:
    value = headers.get(name)
    return value[:longest] if isinstance(value, str) else None


def _interned(text: str | None) -> str | None:
    """Return the text itself, kept once however many letters share it."""
    return None if text is None else intern(text)


def _count(headers: Mapping[str, object], name: str) -> int:
    value = headers.get(name)
    return value if isinstance(value, int) and value > 0 else 0
