"""Letters as lines of JSON, or as a pytest that fails until the code takes the message. Pure."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import fields
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import orjson

from workers import headers as h
from workers.deadletters.letter import Summary
from workers.logs.clean import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workers.deadletters.groups import Group
    from workers.deadletters.letter import Letter
    from workers.deadletters.masking import Masking

#: Characters of a line in a written test.
WIDTH: Final = 80

_TEST: Final = '''"""Dead letters as a test: it fails until the code takes these messages.

It runs your real processors, with all that they do: what they charge, write or send is charged,
written and sent by this test too, whenever somebody runs it. Run it where that harms nobody: with
the settings of a test, or with what they call replaced (`monkeypatch`).

Written by `leveret dlq export --pytest`. No broker is needed and no answer is sent: each message
is decided as a worker would, at the time when it first came.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from workers.loading import load
from workers.outcome import Delivery, Properties, Replied
from workers.testing import Rehearsal

#: Where the processors are: {where}.
REGISTRY = load({modules}, offered={offered})

LETTERS = [
{letters}]


@pytest.mark.parametrize(("first_seen", "properties", "body"), LETTERS)
def test_the_message_is_processed(first_seen: str, properties: Properties, body: bytes) -> None:
    """A worker with today's code answers what it gave up before."""
    rehearsal = Rehearsal(REGISTRY, now=lambda: datetime.fromisoformat(first_seen))
    outcome = asyncio.run(rehearsal.delivery(Delivery(body, properties)))
    failure = getattr(outcome, "failure", None)
    assert isinstance(outcome, Replied), failure.reason if failure else outcome
'''


def as_line(letter: Letter, masking: Masking) -> bytes:
    """Return a letter as one line of JSON; a body that is no UTF-8 goes as base64."""
    body = masking.shown(letter.body)
    told: dict[str, Any] = {one.name: getattr(letter, one.name) for one in fields(Summary)}
    try:
        told["body"] = body.decode()
    except UnicodeDecodeError:
        told["body_base64"] = b64encode(body).decode()
    properties = letter.properties._asdict()
    told["properties"] = {
        name: value
        for name, value in properties.items()
        if name not in {"headers", "damaged"} and value is not None
    }
    told["headers"] = masking.headers(letter.properties.headers)
    told["reason"] = letter.diagnosis.reason
    told["errors"] = [error._asdict() for error in letter.diagnosis.errors]
    told["history"] = [attempt._asdict() for attempt in letter.history]
    return orjson.dumps(told, default=repr, option=orjson.OPT_NON_STR_KEYS) + b"\n"


def as_test(
    letters: Iterable[Letter],
    masking: Masking,
    *,
    modules: Sequence[str],
    offered: Sequence[str],
) -> str:
    """Return the source of a pytest with a case for each letter.

    `modules` and `offered` say where the processors are, as for `leveret run`.
    """
    return _TEST.format(
        where=", ".join(modules) if modules else f"what is installed as {', '.join(offered)}",
        modules=repr(tuple(modules)),
        offered=repr(tuple(offered)),
        letters="".join(_case(letter, masking) for letter in letters),
    )


def _case(letter: Letter, masking: Masking) -> str:
    properties = letter.properties
    told = {
        "content_type": properties.content_type,
        "content_encoding": properties.content_encoding,
        "headers": _written(masking.headers(h.kept(properties))),
        "correlation_id": properties.correlation_id,
        "reply_to": properties.reply_to,
        "timestamp": properties.timestamp,
        "type": properties.type,
    }
    given = "".join(f"            {name}={value!r},\n" for name, value in told.items() if value)
    first_seen = letter.first_seen or letter.failed_at or "1970-01-01T00:00:00+00:00"
    why = clean(f"{letter.error_code}: {letter.diagnosis.reason}", WIDTH)
    return (
        f"    # {why}\n"
        "    pytest.param(\n"
        f"        {first_seen!r},\n"
        "        Properties(\n"
        f"{given}"
        "        ),\n"
        f"{_literal(masking.shown(letter.body))}"
        f"        id={letter.id!r},\n"
        "    ),\n"
    )


def _written(headers: Mapping[str, object]) -> dict[str, object]:
    """Return the headers that Python reads back as it writes them: it has no word for infinity."""
    return {
        name: value
        for name, value in headers.items()
        if not isinstance(value, float) or isfinite(value)
    }


def _literal(body: bytes) -> str:
    """Return bytes as source, in lines of a readable length."""
    rows = [body[at : at + WIDTH] for at in range(0, len(body), WIDTH)] or [b""]
    lines = "".join(f"            {row!r}\n" for row in rows)
    return f"        (\n{lines}        ),\n"


def group_of(group: Group) -> dict[str, Any]:
    """Return what `groups` tells programs."""
    return {
        "fingerprint": group.fingerprint,
        "error_code": group.error_code,
        "message_type": group.message_type,
        "task_type": group.task_type,
        "count": group.count,
        "first_seen": group.first_seen,
        "last_seen": group.last_seen,
        "example_id": group.example_id,
        "reason": group.reason,
    }


def summary_of(letter: Summary) -> dict[str, Any]:
    """Return what `ls` tells programs of a letter: the fields of a group, and its own."""
    return {
        "id": letter.id,
        "fingerprint": letter.fingerprint,
        "error_code": letter.error_code,
        "message_type": letter.message_type,
        "task_type": letter.task_type,
        "count": 1,
        "first_seen": letter.first_seen,
        "last_seen": letter.failed_at,
        "example_id": letter.id,
        "attempts": letter.attempts,
        "failed_at": letter.failed_at,
        "agent": letter.agent,
        "queue": letter.queue,
        "worker": letter.worker,
        "replays": letter.replays,
        "replay_of": letter.replay_of,
        "size": letter.size,
        "by_broker": letter.by_broker,
    }
