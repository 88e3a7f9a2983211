"""JSON-RPC 2.0 through a live worker: the specification's examples, retries, and the books."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import aio_pika
import pytest
from broker.worker import NAMES, Asking, code, eventually, serving
from calling import EXAMPLES, calling, without_data

import examples
from messages import Payload
from workers import Context
from workers.testing import agent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from workers.metrics.metrics import Metrics

RPC = "application/json-rpc"


class Reading(Payload, type="reading"):
    """Comes in masses."""

    value: int


@pytest.fixture
def seen() -> list[str]:
    """Return what the processors did."""
    return []


@pytest.fixture
async def worker(amqp_url: str, seen: list[str]) -> AsyncIterator[tuple[Asking, Metrics]]:
    """Lend somebody who asks, beside a worker that answers."""
    async with serving(amqp_url, calling(seen)) as (_, metrics), Asking(amqp_url) as asking:
        yield asking, metrics
        await eventually(lambda: metrics.in_flight == 0)


async def answered(asking: Asking, body: Any) -> Any:
    """Return the response to a call."""
    told = str(uuid4())
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    await asking.publish(asking.bytes(raw, told, content_type=RPC))
    await eventually(lambda: asking.answers[told])
    return json.loads(asking.answers[told][0].body)


async def test_the_specifications_examples_behave_as_printed(
    worker: tuple[Asking, Metrics],
) -> None:
    """Each is answered as printed, or not at all, and the next good call within a second."""
    asking, metrics = worker
    silent = []
    for request, printed in EXAMPLES.values():
        if printed is None:
            silent.append(str(uuid4()))
            await asking.publish(asking.bytes(request.encode(), silent[-1], content_type=RPC))
        else:
            assert without_data(await answered(asking, request)) == json.loads(printed)
        good = answered(asking, {"jsonrpc": "2.0", "method": "get_data", "id": 1})
        assert (await asyncio.wait_for(good, 1.0))["result"] == ["hello", 5]
    await eventually(lambda: metrics.in_flight == 0)
    assert not any(asking.answers[told] for told in silent)


async def test_a_call_that_is_tried_again_keeps_its_form_and_id(
    worker: tuple[Asking, Metrics],
    seen: list[str],
) -> None:
    """Two failures, two rungs, one response with the caller's own id."""
    asking, _ = worker
    call = {
        "jsonrpc": "2.0",
        "method": "task_request.flaky",
        "params": {"failures": 2},
        "id": "mine",
    }
    response = await answered(asking, call)
    assert response == {"jsonrpc": "2.0", "result": {"text": "", "failures": 2}, "id": "mine"}
    assert len(seen) == 3


async def test_a_batch_with_every_kind_of_end_is_answered_once(
    worker: tuple[Asking, Metrics],
    seen: list[str],
) -> None:
    """One array for six calls; a dead letter for each that failed; none is done twice."""
    asking, metrics = worker
    batch = [
        {"jsonrpc": "2.0", "method": "task_request.echo", "params": {"text": "a"}, "id": 1},
        {"jsonrpc": "2.0", "method": "task_request.flaky", "params": {"failures": 1}, "id": 2},
        {"jsonrpc": "2.0", "method": "task_request.flaky", "params": {"failures": 9}, "id": 3},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": ["x"]},
        {"jsonrpc": "2.0", "method": "nope", "id": 5},
        7,
    ]
    told = str(uuid4())
    await asking.publish(asking.bytes(json.dumps(batch).encode(), told))
    await eventually(lambda: asking.answers[told])
    response = json.loads(asking.answers[told][0].body)
    assert [one["id"] for one in response] == [1, 2, 3, 5, None]
    assert [one.get("error", {}).get("code") for one in response] == [
        None,
        None,
        -32002,
        -32601,
        -32600,
    ]
    await eventually(lambda: len(asking.letters[told]) == 4)
    assert sorted(str(code(letter)) for letter in asking.letters[told]) == [
        "invalid_envelope",
        "invalid_payload",
        "processing_failed",
        "unknown_message_type",
    ]
    assert [json.loads(letter.body) for letter in asking.letters[told]] == [
        batch[3],
        batch[4],
        batch[5],
        batch[2],
    ]
    assert seen == ["echo a", "flaky  1", "flaky  1", "flaky  2", "flaky  2", "flaky  3"]
    await eventually(lambda: metrics.in_flight == 0)
    assert (metrics.ends("replied"), metrics.ends("dead_lettered")) == (2, 4)
    assert len(asking.answers[told]) == 1


async def test_a_client_that_knows_only_json_rpc_and_amqp_is_answered(
    worker: tuple[Asking, Metrics],
    amqp_url: str,
) -> None:
    """No envelope, no content type, no message id: reply_to and correlation_id are enough."""
    del worker
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        got: asyncio.Queue[aio_pika.abc.AbstractIncomingMessage] = asyncio.Queue()
        direct = await channel.get_queue("amq.rabbitmq.reply-to", ensure=False)
        await direct.consume(got.put, no_ack=True)
        requests = await channel.get_exchange(NAMES.requests, ensure=False)
        body = b'{"jsonrpc":"2.0","method":"subtract","params":[42,23],"id":1}'
        message = aio_pika.Message(body, reply_to="amq.rabbitmq.reply-to", correlation_id="theirs")
        await requests.publish(message, "subtract")
        answer = await asyncio.wait_for(got.get(), 10)
    assert answer.correlation_id == "theirs"
    assert answer.content_type == RPC
    assert json.loads(answer.body) == {"jsonrpc": "2.0", "result": 19, "id": 1}


async def test_prefetched_messages_come_to_a_batch_processor_together(amqp_url: str) -> None:
    """Every message that is with the worker at once, in lean form and in few calls."""
    registry = calling()
    calls: list[int] = []

    @registry.processor(Reading, batch=50)
    async def store(readings: list[Reading], _context: Context) -> None:
        calls.append(len(readings))

    async with serving(amqp_url, registry) as (_, metrics), Asking(amqp_url) as asking:
        bodies = [
            {"msg_id": n, "msg_type": "reading", "data": {"value": n}, "timestamp": time.time()}
            for n in range(200)
        ]
        await asyncio.gather(
            *(
                asking.publish(asking.bytes(json.dumps(one).encode(), str(uuid4())))
                for one in bodies
            )
        )
        await eventually(lambda: metrics.ends("replied") == 200)
        await eventually(lambda: len(asking.answers) == 200)
    assert sum(calls) == 200
    assert max(calls) > 1


async def test_a_batch_message_with_bad_ones_is_done_and_told_apart(
    amqp_url: str,
) -> None:
    """An answer for the batch, and for each bad message a dead letter and an answer."""
    async with serving(amqp_url, examples.registry) as (_, metrics), Asking(amqp_url) as asking:
        messages = [{"msg_id": n, "msg_type": "req", "payload": {}} for n in range(10)]
        messages[3]["msg_type"] = messages[7]["msg_type"] = "nope"
        told = str(uuid4())
        body = {
            "message_type": "batch",
            "source_agent": agent().model_dump(mode="json"),
            "payload": {
                "message_type": "batch",
                "batch_id": 1,
                "count": 10,
                "messages": messages,
            },
        }
        await asking.publish(asking.bytes(json.dumps(body).encode(), told))
        await eventually(lambda: len(asking.answers[told]) == 3)
        await eventually(lambda: len(asking.letters[told]) == 2)
        await eventually(lambda: metrics.in_flight == 0)
    kinds = [json.loads(one.body)["message_type"] for one in asking.answers[told]]
    assert sorted(kinds) == ["batch_summary", "error", "error"]
    assert (metrics.ends("replied"), metrics.ends("dead_lettered")) == (1, 2)
