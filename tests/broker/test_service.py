"""A worker on a real broker: every message comes to the end it should, and to no other."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import aio_pika
import orjson
import pytest
from broker.worker import NAMES, RUNGS, Asking, code, eventually, serving

from messages import ProtocolModel
from workers import Context, Registry, Reject, Retry, headers
from workers.link.ground import stand
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Words(ProtocolModel):
    """Parameters of every task here."""

    text: str = ""
    failures: int = 0


@pytest.fixture
def registry() -> Registry:
    """Return processors for every end there is."""
    registry = Registry()

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Words:
        return words

    @registry.task("flaky", parameters=Words)
    async def flaky(words: Words, context: Context) -> Words:
        if context.attempt <= words.failures:
            raise ConnectionError("try again")
        return words

    @registry.task("reject", parameters=Words)
    async def reject(_words: Words, _context: Context) -> Words:
        raise Reject("not today")

    @registry.task("slow", parameters=Words, time_limit=0.05, retries=0)
    async def slow(words: Words, _context: Context) -> Words:
        await asyncio.Event().wait()
        return words

    @registry.task("later", parameters=Words)
    async def later(words: Words, context: Context) -> Words:
        if context.attempt == 1:
            raise Retry("not yet", after=0.3)
        return words

    return registry


@pytest.fixture
async def asking(amqp_url: str, registry: Registry) -> AsyncIterator[Asking]:
    """Lend somebody who asks, beside a worker that answers."""
    async with serving(amqp_url, registry) as (_, metrics), Asking(amqp_url) as asking:
        yield asking
        await eventually(lambda: metrics.in_flight == 0)


async def test_a_task_is_answered_with_its_result_and_correlation_id(asking: Asking) -> None:
    """The main job."""
    answer = await asking.answer(asking.task("echo", parameters={"text": "hare"}))
    assert answer["message_type"] == "task_response"
    assert answer["response"]["status"] == "completed"
    assert answer["response"]["result_data"] == {"text": "hare", "failures": 0}


async def test_an_answers_properties_mirror_its_body(asking: Asking) -> None:
    """A program that only reads properties knows what it got."""
    told = await asking.publish(asking.task("echo"))
    await eventually(lambda: asking.answers[told])
    answer = asking.answers[told][0]
    body = orjson.loads(answer.body)
    properties = answer.properties
    assert properties.correlation_id == body["correlation_id"] == told
    assert properties.type == body["message_type"]
    assert properties.content_type == "application/json"
    assert properties.delivery_mode == 2
    assert properties.app_id == "leveret"
    assert abs((properties.timestamp or 0) - time.time()) < 60


async def test_a_transient_failure_comes_back_on_its_rung_and_is_answered(asking: Asking) -> None:
    """Two failures, two rungs, one answer, no dead letter."""
    began = time.monotonic()
    answer = await asking.answer(asking.task("flaky", parameters={"failures": 2}))
    assert answer["response"]["status"] == "completed"
    assert time.monotonic() - began >= 0.6
    assert not asking.letters


async def test_spent_attempts_end_as_a_dead_letter_with_their_history(asking: Asking) -> None:
    """Whoever looks sees each attempt; whoever asked hears that it is over."""
    letter = await asking.letter(asking.task("flaky", parameters={"failures": 99}))
    told = letter.properties.headers
    assert code(letter) == "processing_failed"
    assert told[headers.ATTEMPTS] == 3
    history = orjson.loads(str(told[headers.HISTORY]))
    assert [attempt["attempt"] for attempt in history] == [1, 2, 3]
    assert "ConnectionError" in history[0]["reason"]
    assert told[headers.EXCHANGE] == NAMES.requests
    assert told[headers.ROUTING_KEY] == "task_request"
    await eventually(lambda: asking.answers[letter.properties.correlation_id or ""])


async def test_a_retry_asked_for_waits_at_least_as_long(asking: Asking) -> None:
    """`Retry(after=0.3)` takes the rung of 400 ms."""
    began = time.monotonic()
    await asking.answer(asking.task("later"))
    assert time.monotonic() - began >= 0.4


def envelope(asking: Asking, **changes: Any) -> tuple[bytes, str]:
    """Return an envelope for `echo` with some fields changed, and its id."""
    publication = asking.task("echo")
    document = orjson.loads(publication.body)
    for place, value in changes.items():
        at, keys = document, place.split("__")
        for key in keys[:-1]:
            at = at[key]
        at[keys[-1]] = value
    return orjson.dumps(document), document["envelope_id"]


BAD: dict[str, dict[str, Any]] = {
    "invalid_envelope": {"ttl": 0},
    "unsupported_version": {"version": "2.0.0"},
    "unknown_message_type": {"message_type": "nope", "payload__message_type": "nope"},
    "unknown_task_type": {"payload__request__task_type": "nope"},
    "invalid_payload": {"payload__request__priority": "5"},
}


@pytest.mark.parametrize("expected", BAD)
async def test_a_bad_message_is_a_dead_letter_and_an_error_answer(
    asking: Asking,
    expected: str,
) -> None:
    """The letter is the message byte for byte, and the answer names it."""
    body, told = envelope(asking, **BAD[expected])
    letter = await asking.letter(asking.bytes(body, told))
    assert code(letter) == expected
    assert letter.body == body
    await eventually(lambda: asking.answers[told])
    error = orjson.loads(asking.answers[told][0].body)["payload"]
    assert error["error_code"] == expected
    assert error["error_details"]["dead_letter_id"] == letter.properties.headers[headers.ID]
    again = await asking.answer(asking.task("echo"))
    assert again["response"]["status"] == "completed"


@pytest.mark.parametrize(
    ("expected", "body", "properties"),
    [
        ("invalid_json", b"", {}),
        ("invalid_json", b"\xff\xfe{", {}),
        ("invalid_envelope", b"[1]", {}),
        ("unsupported_encoding", b"{}", {"content_encoding": "gzip"}),
        ("message_too_large", b"x" * (2**20 + 1), {}),
        ("invalid_envelope", b"{}", {"headers": {"x-death": "forged"}}),
    ],
)
async def test_what_is_no_message_at_all_is_answered_through_its_properties(
    asking: Asking,
    expected: str,
    body: bytes,
    properties: dict[str, Any],
) -> None:
    """Even bytes that say nothing come to a visible end."""
    told = str(uuid4())
    letter = await asking.letter(asking.bytes(body, told, **properties))
    assert code(letter) == expected
    assert letter.body == body
    await eventually(lambda: asking.answers[told])


async def test_a_processor_that_says_no_is_believed_at_once(asking: Asking) -> None:
    """No retry, and its reason is told."""
    error = await asking.answer(asking.task("reject"))
    assert (error["error_code"], error["error_message"]) == ("rejected", "not today")
    assert error["error_details"]["attempts"] == 1


async def test_a_processor_is_stopped_at_its_time_limit(asking: Asking) -> None:
    """One that never ends holds nobody for longer than it said."""
    letter = await asking.letter(asking.task("slow"))
    assert code(letter) == "timeout"


async def test_what_is_too_old_is_expired_and_answered_as_a_timeout(asking: Asking) -> None:
    """The work was never begun, and the asker is told."""
    body, told = envelope(asking, ttl=1, timestamp="2020-01-01T00:00:00Z")
    letter = await asking.letter(asking.bytes(body, told))
    assert code(letter) == "expired"
    await eventually(lambda: asking.answers[told])
    assert orjson.loads(asking.answers[told][0].body)["payload"]["error_code"] == "timeout"


@pytest.mark.parametrize(
    "address",
    [NAMES.work("default"), NAMES.dead_queue("default"), "amq.topic", "amq.gen-abc"],
)
async def test_no_answer_goes_to_the_projects_or_the_brokers_own_queues(
    asking: Asking,
    address: str,
) -> None:
    """A sender cannot make the worker talk to itself."""
    body, told = envelope(asking, reply_to=address)
    letter = await asking.letter(asking.bytes(body, told, reply_to=None))
    assert code(letter) == "reply_to_not_allowed"
    assert not asking.answers[told]


async def test_contradicting_reply_addresses_are_refused(asking: Asking) -> None:
    """Nobody guesses which of two addresses was meant."""
    body, told = envelope(asking)
    letter = await asking.letter(asking.bytes(body, told, reply_to="elsewhere"))
    assert code(letter) == "address_mismatch"
    assert not asking.answers[told]


async def test_an_answer_to_a_queue_that_is_gone_is_counted(
    amqp_url: str,
    registry: Registry,
) -> None:
    """The work is done; the message is neither lost nor done again."""
    async with serving(amqp_url, registry) as (_, metrics), Asking(amqp_url) as asking:
        body, told = envelope(asking, reply_to="nobody-listens-here")
        await asking.publish(asking.bytes(body, told, reply_to=None))
        await eventually(lambda: metrics.in_flight == 0 and metrics.answers_undeliverable == 1)
        assert not asking.letters


async def test_a_client_that_knows_nothing_of_us_gets_its_answer_by_direct_reply_to(
    amqp_url: str,
    registry: Registry,
) -> None:
    """Plain AMQP and a JSON document are enough."""
    async with (
        serving(amqp_url, registry),
        await aio_pika.connect(amqp_url) as connection,
    ):
        channel = await connection.channel()
        got: asyncio.Queue[aio_pika.abc.AbstractIncomingMessage] = asyncio.Queue()
        direct = await channel.get_queue("amq.rabbitmq.reply-to", ensure=False)
        await direct.consume(got.put, no_ack=True)
        request = {
            "message_type": "task_request",
            "source_agent": {
                "agent_id": "plain",
                "role": "worker",
                "capabilities": ["task_execution"],
                "load_factor": 0.0,
            },
            "payload": {
                "message_type": "task_request",
                "request": {"task_type": "echo", "parameters": {"text": "hi"}},
            },
        }
        requests = await channel.get_exchange(NAMES.requests, ensure=False)
        message = aio_pika.Message(
            orjson.dumps(request),
            reply_to="amq.rabbitmq.reply-to",
            correlation_id="mine",
        )
        await requests.publish(message, "task_request.echo")
        answer = await asyncio.wait_for(got.get(), 10)
    assert answer.correlation_id == "mine"
    assert orjson.loads(answer.body)["payload"]["response"]["result_data"]["text"] == "hi"


async def test_a_forged_direct_reply_to_harms_nobody_else(asking: Asking) -> None:
    """The broker cuts whoever publishes to such an address; others' answers go on."""
    forged = f"amq.rabbitmq.reply-to.{'A' * 40}.{'B' * 24}"
    told = []
    for number in range(20):
        body, one = envelope(asking)
        hostile = number % 4 == 0
        document = orjson.loads(body)
        if hostile:
            document["reply_to"] = None
        await asking.publish(
            asking.bytes(orjson.dumps(document), one, **({"reply_to": forged} if hostile else {})),
        )
        if not hostile:
            told.append(one)
    await eventually(lambda: all(asking.answers[one] for one in told))
    assert not asking.letters


async def test_a_retry_in_one_group_is_not_seen_by_another(
    amqp_url: str,
    registry: Registry,
) -> None:
    """Both groups take the message once; the copy goes back to where it failed, only there."""
    seen: list[int] = []
    other = Registry()

    @other.task("flaky", parameters=Words)
    async def flaky(words: Words, context: Context) -> Words:
        seen.append(context.attempt)
        return words

    async with (
        serving(amqp_url, registry) as (_, first),
        serving(amqp_url, other, group="audit"),
        Asking(amqp_url) as asking,
    ):
        await asking.publish(asking.task("flaky", parameters={"failures": 1}))
        await eventually(lambda: first.ends("replied") == 1)
        await eventually(lambda: seen)
    assert seen == [1]


async def test_a_drain_finishes_what_runs_and_gives_back_what_cannot(amqp_url: str) -> None:
    """Nothing starts after the drain began, and what was given back waits for the next worker."""
    registry = Registry()
    started, hold = asyncio.Event(), asyncio.Event()

    @registry.task("echo", parameters=Words)
    async def stuck(words: Words, _context: Context) -> Words:
        started.set()
        await hold.wait()
        return words

    await stand(Settings(amqp_url=amqp_url, retry_delays=RUNGS), patience=0)
    async with Asking(amqp_url) as asking:
        async with serving(amqp_url, registry, drain_grace=0.1):
            told = [await asking.publish(asking.task("echo")) for _ in range(5)]
            await started.wait()
        assert not asking.answers
        assert not asking.letters
        hold.set()
        async with serving(amqp_url, registry):
            await eventually(lambda: all(asking.answers[one] for one in told))
    assert all(len(asking.answers[one]) == 1 for one in told)
