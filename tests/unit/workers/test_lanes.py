"""Lanes differ in what they cost, never in what becomes of a message."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
import pytest
from calling import calling
from corpus.corpus import cases

from messages import Payload
from workers import Context, Registry
from workers.lanes import Lane
from workers.outcome import DeadLettered, Expired, Outcome, Properties, Replied
from workers.settings import Settings
from workers.testing import Rehearsal, agent, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from corpus.corpus import Case

LANES = ("full", "typed", "trusted", "cached")
TRUSTED = "gateway"
ASKER = Properties(reply_to="asker", user_id="somebody")


def rehearsal(lane: str, registry: Registry | None = None, **more: Any) -> Rehearsal:
    """Return a worker with this lane."""
    return Rehearsal(registry or calling(), lane=Lane(lane, frozenset({TRUSTED})), **more)


@pytest.fixture(scope="module")
def rehearsals() -> dict[str, Rehearsal]:
    """Give one worker for each lane, which has seen all that came before, as a worker has."""
    return {lane: rehearsal(lane) for lane in LANES}


def envelope(**changes: Any) -> dict[str, Any]:
    """Return an envelope for `echo`, with some top-level members changed; None takes one away."""
    whole = {
        "envelope_id": str(uuid4()),
        "message_type": "task_request",
        "source_agent": agent().model_dump(mode="json"),
        "payload": task(),
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}


def task(**changes: Any) -> dict[str, Any]:
    """Return the payload of a task."""
    request = {"task_type": "echo", "parameters": {"text": "hi"}, **changes}
    return {"message_type": "task_request", "request": request}


def lean(**changes: Any) -> dict[str, Any]:
    """Return a high-speed message."""
    sent = datetime.now(UTC).timestamp()
    whole = {"msg_id": 7, "msg_type": "subtract", "data": {"minuend": 3, "subtrahend": 1}}
    return {**whole, "timestamp": sent, **changes}


def compact(**changes: Any) -> dict[str, Any]:
    """Return a compact message."""
    payload = {"message_type": "subtract", "minuend": 3, "subtrahend": 1}
    return {"msg_id": 7, "msg_type": "req", "payload": payload, "headers": [["a", "b"]], **changes}


def written(document: Any) -> bytes:
    """Return a document as bytes."""
    return document if isinstance(document, bytes) else orjson.dumps(document)


CORPUS: dict[str, Callable[[], Any]] = {
    "good": envelope,
    "good, upper case": lambda: envelope(payload=task(task_type="ECHO")),
    "good, a newer minor version": lambda: envelope(version="1.7.0", colour="green"),
    "good, high speed": lean,
    "good, compact": compact,
    "good, optimized": lambda: {"message_type": "request", "payload": compact()["payload"]},
    "empty": lambda: b"",
    "truncated": lambda: written(envelope())[:-20],
    "two documents": lambda: written(envelope()) * 2,
    "a scalar": lambda: b"1",
    "an array": lambda: b"[1]",
    "UTF-16": lambda: json.dumps(envelope()).encode("utf-16"),
    "a key twice": lambda: written(envelope())[:-1] + b',"ttl":1,"ttl":2}',
    "NaN": lambda: written(envelope()).replace(b'"hi"', b"NaN"),
    "1e400": lambda: written(envelope()).replace(b'"hi"', b"1e400"),
    "deep": lambda: written(envelope()).replace(b'"hi"', b"[" * 150 + b"]" * 150),
    "no envelope": task,
    "an unknown field": lambda: envelope(colour="green"),
    "a wrong ttl": lambda: envelope(ttl=0),
    "a wrong version": lambda: envelope(version="2.0.0"),
    "types that differ": lambda: envelope(message_type="heartbeat"),
    "an unknown type": lambda: envelope(message_type="nope", payload={"message_type": "nope"}),
    "no type": lambda: envelope(payload={}),
    "an unknown task": lambda: envelope(payload=task(task_type="nope")),
    "text for a number": lambda: envelope(payload=task(priority="5")),
    "a rule between fields": lambda: envelope(payload=task(priority=9)),
    "misfit parameters": lambda: envelope(payload=task(parameters={"text": 5})),
    "an expired one": lambda: envelope(ttl=1, timestamp="2020-01-01T00:00:00Z"),
    "a deadline passed": lambda: envelope(payload=task(deadline="2020-01-01T00:00:00Z")),
    "high speed, misfit": lambda: lean(data={"minuend": "x"}),
    "high speed, no number": lambda: lean(msg_id="x"),
    "high speed, expired": lambda: lean(timestamp=1.5),
    "high speed, no time": lambda: lean(timestamp=1e300),
    "high speed, an unknown type": lambda: lean(msg_type="nope"),
    "high speed, a key twice": lambda: written(lean()).replace(
        b'"minuend":3', b'"minuend":3,"minuend":4'
    ),
    "compact, misfit": lambda: compact(headers=[["a"]]),
    "compact, no type": lambda: compact(payload={}),
    "compact, another kind": lambda: compact(msg_type="nope"),
}


def told(outcome: Outcome) -> object:
    """Return all of an outcome that does not differ from one attempt to the next."""
    assert isinstance(outcome, Replied | DeadLettered | Expired)
    if isinstance(outcome, Replied):
        payload = read(outcome.answer)["payload"]
        response = payload.get("response", payload)
        return response.get("result_data", response), outcome.subject._replace(envelope_id=None)
    return outcome.failure, type(outcome), outcome.subject._replace(envelope_id=None)


@pytest.mark.parametrize("case", CORPUS)
async def test_equal_messages_have_equal_outcomes_in_every_lane(
    case: str, rehearsals: dict[str, Rehearsal]
) -> None:
    """Twice in each, so that a lane that remembers has seen it before."""
    body = written(CORPUS[case]())
    expected = told(await rehearsals["full"].bytes(body, ASKER))
    for worker in rehearsals.values():
        for _ in range(2):
            assert told(await worker.bytes(body, ASKER)) == expected
    assert isinstance(expected, tuple)
    assert case.startswith("good") == (len(expected) == 2)


@pytest.mark.parametrize("case", cases(large=False), ids=lambda case: case.name)
async def test_the_corpus_on_disk_ends_alike_in_every_lane(
    case: Case, rehearsals: dict[str, Rehearsal]
) -> None:
    """The same that runs through the pure decoder and through a real worker."""
    expected = told(await rehearsals["full"].bytes(case.body, ASKER))
    for worker in rehearsals.values():
        for _ in range(2):
            assert told(await worker.bytes(case.body, ASKER)) == expected


GOOD = [case for case in CORPUS if case.startswith("good")]


@pytest.mark.parametrize("case", GOOD)
async def test_a_good_message_of_a_trusted_sender_is_the_same_message(case: str) -> None:
    """Its values have the types that processors count on."""
    body = written(CORPUS[case]())
    expected = told(await rehearsal("full").bytes(body, ASKER))
    trusted = ASKER._replace(user_id=TRUSTED)
    assert told(await rehearsal("trusted").bytes(body, trusted)) == expected


async def test_a_trusted_sender_is_believed_and_nobody_else() -> None:
    """A rule it breaks is its own business; the same bytes from others are refused."""
    body = written(envelope(payload=task(priority=9)))
    worker = rehearsal("trusted")
    assert isinstance(await worker.bytes(body, ASKER._replace(user_id=TRUSTED)), Replied)
    for other in (ASKER, ASKER._replace(user_id=None)):
        assert isinstance(await worker.bytes(body, other), DeadLettered)


@pytest.mark.parametrize(
    "case",
    ["empty", "truncated", "a scalar", "no envelope", "an unknown field", "types that differ",
     "an unknown type", "a wrong version", "an unknown task", "misfit parameters", "an expired one",
     "a deadline passed"],
)  # fmt: skip
async def test_what_a_trusted_sender_sends_has_its_form_all_the_same(case: str) -> None:
    """Trust spares rules, not the end of what cannot be done."""
    body = written(CORPUS[case]())
    expected = told(await rehearsal("full").bytes(body, ASKER))
    trusted = ASKER._replace(user_id=TRUSTED)
    assert told(await rehearsal("trusted").bytes(body, trusted)) == expected


async def test_a_document_is_checked_in_its_place_whoever_sends_it() -> None:
    """Rules that depend on the place are no matter of trust."""
    document = {
        "document_id": str(uuid4()),
        "title": "t",
        "content": "c",
        "classification": "secret",
    }
    payload = {"message_type": "document", "document": document}
    body = written(envelope(message_type="document", payload=payload))
    outcome = await rehearsal("trusted").bytes(body, ASKER._replace(user_id=TRUSTED))
    assert isinstance(outcome, DeadLettered)


async def test_a_cached_message_gets_ids_and_containers_of_its_own() -> None:
    """Two messages are two, though their bytes are one."""
    registry = Registry()
    seen: list[Any] = []

    class Box(Payload, type="box"):
        content: dict[str, Any]

    @registry.processor(Box)
    async def spoil(box: Box, context: Context) -> None:
        seen.append((context.envelope.envelope_id, dict(box.content)))
        box.content["list"].append("spoilt")
        box.content["spoilt"] = True

    body = written(
        envelope(
            envelope_id=None,
            message_type="box",
            payload={"message_type": "box", "content": {"list": []}},
        )
    )
    worker = rehearsal("cached", registry)
    for _ in range(3):
        assert isinstance(await worker.bytes(body, ASKER), Replied)
    assert len({one for one, _ in seen}) == 3
    assert [content for _, content in seen] == [{"list": ["spoilt"]}] * 3


async def test_a_cached_message_grows_old_like_any_other() -> None:
    """Its ttl and its deadline are looked at each time."""
    clock = [datetime.now(UTC)]
    worker = rehearsal("cached", now=lambda: clock[0])
    deadline = (clock[0] + timedelta(seconds=5)).isoformat()
    fresh = written(envelope(ttl=10, timestamp=clock[0].isoformat()))
    dated = written(envelope(payload=task(deadline=deadline)))
    for body in (fresh, dated, fresh, dated):
        assert isinstance(await worker.bytes(body, ASKER), Replied)
    clock[0] += timedelta(seconds=60)
    for body in (fresh, dated):
        assert isinstance(await worker.bytes(body, ASKER), Expired)


async def test_a_task_without_an_id_gets_one_for_each_message() -> None:
    """The cached lane as the full one."""
    worker = rehearsal("cached")
    body = written(envelope())
    ids = {
        read((await worker.bytes(body, ASKER)).answer)["payload"]["response"]["task_id"]
        for _ in range(3)
    }
    assert len(ids) == 3


def test_the_lane_of_a_group_is_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the sender's choice."""
    from workers.policy import policy_of  # noqa: PLC0415 - only here

    group = {"lane": "trusted", "trusted_senders": (TRUSTED,)}
    settings = Settings(groups={"hot": group}, group="hot")
    assert policy_of(settings, agent(), user="w").lane == Lane("trusted", frozenset({TRUSTED}))
