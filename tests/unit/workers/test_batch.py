"""Many messages at once: each keeps an end of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

import examples
from messages import BatchPayload, Catalog, CompactMessage, Envelope, Payload, encode
from messages.batching import write_batch
from workers import Context, RegistrationError, Registry, Reject, Retry
from workers.outcome import Batched, DeadLettered, Outcome, Properties, Replied, Retried
from workers.testing import MAILBOX, Rehearsal, agent, read

if TYPE_CHECKING:
    from collections.abc import Sequence


class Reading(Payload, type="reading"):
    """Comes in masses."""

    value: int


class Stored(Payload, type="stored"):
    """Answers a reading."""

    value: int


def storing(calls: list[list[int]], *, batch: int = 4) -> Registry:
    """Return a registry whose one processor takes readings by the list."""
    registry = Registry()

    @registry.processor(Reading, batch=batch)
    async def store(
        readings: list[Reading], context: Context
    ) -> Sequence[Stored | Reject | Retry | None]:
        calls.append([reading.value for reading in readings])
        if any(reading.value < 0 for reading in readings) and context.attempt == 1:
            raise ConnectionError("the store is away")
        return [
            Reject("not thirteen")
            if reading.value == 13
            else Retry("later")
            if reading.value == 14
            else Stored(value=reading.value)
            for reading in readings
        ]

    return registry


async def handled(rehearsal: Rehearsal, values: Sequence[object]) -> list[Outcome]:
    """Return what becomes of readings that are with the worker at the same time."""
    bodies = []
    for value in values:
        payload = Reading.model_construct(message_type="reading", value=value)  # type: ignore[arg-type] # some are wrong
        envelope = Envelope.model_construct(
            message_type="reading", payload=payload, source_agent=agent(), reply_to=MAILBOX
        )
        document = orjson.loads(encode(envelope))
        bodies.append(orjson.dumps({k: v for k, v in document.items() if v is not None}))
    return list(await asyncio.gather(*map(rehearsal.bytes, bodies)))


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
async def test_payloads_that_are_there_at_once_come_as_lists_and_are_answered_one_by_one() -> None:
    """Invalid ones never come so far, and take nobody with them."""
    calls: list[list[int]] = []
    outcomes = await handled(Rehearsal(storing(calls)), [1, 2, "x", 3, 4, 5])
    assert sorted(map(len, calls)) == [1, 4]
    assert sorted(value for call in calls for value in call) == [1, 2, 3, 4, 5]
    assert isinstance(outcomes.pop(2), DeadLettered)
    answers = [read(outcome.answer)["payload"]["value"] for outcome in outcomes]
    assert answers == [1, 2, 3, 4, 5]


async def test_a_lone_message_does_not_wait_for_others() -> None:
    """A run begins when nobody joins."""
    calls: list[list[int]] = []
    async with asyncio.timeout(1):
        (outcome,) = await handled(Rehearsal(storing(calls, batch=1_000)), [1])
    assert isinstance(outcome, Replied)
    assert calls == [[1]]


async def test_a_verdict_among_the_results_is_that_message_s_own() -> None:
    """The others are done."""
    outcomes = await handled(Rehearsal(storing([])), [1, 13, 14])
    replied, dead, retried = outcomes
    assert isinstance(replied, Replied)
    assert isinstance(dead, DeadLettered)
    assert isinstance(retried, Retried)


async def test_what_a_batch_raises_is_tried_again_alone() -> None:
    """One bad payload spoils the first attempt of its neighbours, and no other."""
    calls: list[list[int]] = []
    rehearsal = Rehearsal(storing(calls))
    outcomes = await handled(rehearsal, [1, -1])
    assert all(isinstance(one, Retried) for one in outcomes)


async def test_the_time_limit_ends_a_batch_nobody_waits_for_any_more() -> None:
    """Its task is cancelled with the last of them."""
    registry = Registry()
    ended = asyncio.Event()

    @registry.processor(Reading, batch=3, time_limit=0.05, retries=0)
    async def stuck(_readings: list[Reading], _context: Context) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    outcomes = await handled(Rehearsal(registry), [1, 2])
    assert all(isinstance(one, DeadLettered) for one in outcomes)
    async with asyncio.timeout(1):
        await ended.wait()


async def test_another_number_of_results_is_a_mistake_of_the_processor() -> None:
    """Nobody guesses whose is missing."""
    registry = Registry()

    @registry.processor(Reading, batch=3)
    async def short(_readings: list[Reading], _context: Context) -> list[Stored]:
        return []

    (outcome,) = await handled(Rehearsal(registry), [1])
    assert isinstance(outcome, Retried)
    assert "TypeError" in outcome.failure.reason


@pytest.mark.parametrize("limits", [{"batch": 0}, {"batch": 2, "concurrency": 1}])
def test_a_batch_that_could_never_work_is_refused(limits: dict[str, Any]) -> None:
    """Where it is written."""
    with pytest.raises(RegistrationError, match="batch="):
        Registry().processor(Reading, **limits)


# -- `batch` messages --


def batch(messages: list[object], **payload: Any) -> bytes:
    """Return a batch message."""
    content = {
        "message_type": "batch",
        "batch_id": 1,
        "count": len(messages),
        "messages": messages,
        **payload,
    }
    return orjson.dumps(
        {
            "message_type": "batch",
            "source_agent": agent().model_dump(mode="json"),
            "reply_to": MAILBOX,
            "payload": content,
        }
    )


def compact(number: int) -> dict[str, object]:
    """Return a good message."""
    return {"msg_id": number, "msg_type": "req", "payload": {"n": number}}


ASKER = Properties(correlation_id="c-1")


async def test_invalid_messages_of_a_batch_have_ends_of_their_own() -> None:
    """The valid ones are done; each other one has a dead letter and an answer."""
    bad = [{**compact(1), "msg_type": "nope"}, 7]
    body = batch([compact(0), bad[0], compact(2), bad[1]])
    outcome = await Rehearsal(examples.registry).bytes(body, ASKER)
    assert isinstance(outcome, Batched)
    done, *letters = outcome.ends
    assert isinstance(done.outcome, Replied)
    assert read(outcome.answer)["payload"]["count"] == 2
    for place, letter, answer, message in zip((1, 3), letters, outcome.answers, bad, strict=True):
        assert isinstance(letter.outcome, DeadLettered)
        assert orjson.loads(letter.delivery.body)["payload"]["messages"] == [message]
        assert letter.outcome.failure.errors[0].pointer.startswith("/payload/messages/0")
        told = read(answer)["payload"]
        assert answer.correlation_id == "c-1"
        details = told["error_details"]
        assert details["errors"][0]["pointer"].startswith(f"/payload/messages/{place}")
        assert details["dead_letter_id"] == letter.outcome.letter_id


@pytest.mark.parametrize(
    "body",
    [
        batch([7, 8]),
        batch([compact(0), 7], count=3),
        batch([compact(0), 7], batch_id="x"),
        batch([*[7] * 1_001, compact(0)]),
    ],
)
async def test_a_batch_that_is_bad_as_a_whole_is_one_dead_letter(body: bytes) -> None:
    """Nothing of it is valid, or nobody can say what belongs to it."""
    outcome = await Rehearsal(examples.registry).bytes(body, ASKER)
    if isinstance(outcome, Batched):  # the rest, too, is refused
        assert all(isinstance(end.outcome, DeadLettered) for end in outcome.ends)
    else:
        assert isinstance(outcome, DeadLettered)


def test_a_batch_is_written_piece_by_piece_and_read_as_what_it_was() -> None:
    """No piece holds more than one message."""
    messages = [CompactMessage(msg_id=n, msg_type="req", payload={"n": "x" * 50}) for n in range(9)]
    pieces: list[bytes] = []
    assert write_batch(7, iter(messages), pieces.append) == 9
    payload = BatchPayload.model_validate_json(b"".join(pieces))
    assert payload.messages == messages
    assert orjson.loads(b"".join(pieces))["total_payload_size"] == payload.total_payload_size
    assert max(map(len, pieces)) < 100
    assert Catalog([BatchPayload, Reading]).payload_type("batch") is BatchPayload
