"""The corpus of bad input, through a real worker: each case ends, and nothing else is disturbed."""

from __future__ import annotations

import asyncio
from collections import Counter
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import aio_pika
import orjson
import pytest
from broker.worker import NAMES, PATIENCE, Asking, code, eventually, serving
from corpus.corpus import cases
from writing import task, written

from examples import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from corpus.corpus import Case

    from workers.service import Service

#: Seconds in which the next good message must be answered after any bad one: the promise is one,
#: and `make faults` holds it to that; a busy test machine gets five.
SOON: Final = 5.0
#: Messages that cost a second each, sent at once.
FLOOD: Final = 5
#: What a sender may write into AMQP properties, with the code it ends in.
PROPERTIES: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "gzip": ({"content_encoding": "gzip"}, "unsupported_encoding"),
    "no encoding at all": ({"content_encoding": "x" * 200}, "unsupported_encoding"),
    "control characters in the correlation id": ({"correlation_id": "a\r\nb"}, "invalid_envelope"),
    "another correlation id": ({"correlation_id": "someone-else"}, "address_mismatch"),
    "another reply_to": ({"reply_to": "agent://someone/else"}, "address_mismatch"),
    "our own work queue": ({"reply_to": NAMES.work("default")}, "reply_to_not_allowed"),
    "our own dead letters": ({"reply_to": "leveret.dead.default"}, "reply_to_not_allowed"),
    "a queue of the broker's": ({"reply_to": "amq.gen-xyz"}, "reply_to_not_allowed"),
    "a forged direct reply_to": (
        {"reply_to": "amq.rabbitmq.reply-to.forged.x"},
        "reply_to_not_allowed",
    ),
    "a forged x-death": (
        {"headers": {"x-death": [{"queue": NAMES.work("default"), "count": 3}]}},
        "invalid_envelope",
    ),
    "carbon copies": ({"headers": {"CC": ["leveret.dead.default"]}}, "invalid_envelope"),
}


class Line:
    """A publisher of whatever a sender may write, and the worker at the other end."""

    def __init__(self, service: Service, asking: Asking, exchange: Any) -> None:
        self._service = service
        self._asking = asking
        self._exchange = exchange

    async def send(self, body: bytes, **properties: Any) -> None:
        """Publish, without a look at what it is."""
        await self._exchange.publish(aio_pika.Message(body, **properties), "task_request")

    def letters(self) -> Iterator[Any]:
        """Yield every dead letter there is so far."""
        for letters in self._asking.letters.values():
            yield from letters

    async def letter_of(self, body: bytes, **properties: Any) -> Any:
        """Publish something bad and return its dead letter."""
        before = sum(1 for _ in self.letters())
        known = {id(letter) for letter in self.letters()}
        await self.send(body, **properties)
        await eventually(lambda: sum(1 for _ in self.letters()) > before)
        return next(letter for letter in self.letters() if id(letter) not in known)

    async def served(self, *, within: float = PATIENCE) -> float:
        """Return the seconds until a good message is answered."""
        began = perf_counter()
        good = self._asking.task("echo", parameters={"a": 1})
        answer = await self._asking.answer(good, within=within)
        assert answer["message_type"] == "task_response"
        return perf_counter() - began


@pytest.fixture
async def line(amqp_url: str) -> Any:
    """Lend a worker with the examples, and see at the end that one life of it did all."""
    async with (
        serving(amqp_url, registry) as (service, metrics),
        Asking(amqp_url) as asking,
        await aio_pika.connect(amqp_url) as connection,
    ):
        channel = await connection.channel()
        exchange = await channel.get_exchange(NAMES.requests)
        yield Line(service, asking, exchange)
        assert metrics._connections == {"consuming": 1, "publishing": 1}


async def test_each_bad_body_is_a_dead_letter_and_the_next_good_one_is_served(line: Line) -> None:
    """Within a second, by the same process and connection; byte for byte, and with its reason."""
    ends: Counter[str] = Counter()
    for case in cases():
        if case.code is None:
            continue
        letter = await line.letter_of(case.body)
        assert (case.name, code(letter)) == (case.name, case.code)
        assert letter.body == case.body
        assert b"hunter2" not in bytes(str(letter.properties.headers), "utf-8")
        assert (case.name, await line.served() < SOON) == (case.name, True)
        ends[case.code] += 1
    assert len(ends) >= 8


async def test_each_good_body_is_done(line: Line) -> None:
    """The corpus has them so that refusing everything would not pass."""
    for case in (one for one in cases() if one.code is None):
        correlation_id = str(uuid4())
        asking = line._asking
        await line.send(case.body, correlation_id=correlation_id, reply_to=asking.client.reply_to)
        heard = asking.answers[correlation_id]
        await eventually(lambda heard=heard: heard, within=PATIENCE)
        assert orjson.loads(heard[0].body)["message_type"] != "error", case.name


@pytest.mark.parametrize("name", PROPERTIES)
async def test_properties_of_a_liar_are_refused(line: Line, name: str) -> None:
    """And nothing is sent where they point to."""
    properties, expected = PROPERTIES[name]
    document = task() | {"correlation_id": str(uuid4()), "reply_to": "agent://asker/box"}
    if expected == "reply_to_not_allowed":
        del document["reply_to"]
    letter = await line.letter_of(written(document), **properties)
    assert code(letter) == expected
    assert await line.served() < SOON


async def test_headers_of_127_kib_are_no_trouble(line: Line) -> None:
    """They are the sender's own; a dead letter keeps few of them."""
    headers = {f"h{number}": "x" * 1_000 for number in range(125)}
    letter = await line.letter_of(b"{", headers=headers)
    assert code(letter) == "invalid_json"
    assert len(str(letter.properties.headers)) < 16_384
    assert await line.served() < SOON


async def test_a_bad_message_with_an_address_gets_an_error_answer(line: Line) -> None:
    """Which says where, what was expected, and whether trying again helps."""
    correlation_id = str(uuid4())
    asking = line._asking
    body = written(task(priority="5"))
    await line.send(body, correlation_id=correlation_id, reply_to=asking.client.reply_to)
    await eventually(lambda: asking.answers[correlation_id])
    payload = orjson.loads(asking.answers[correlation_id][0].body)["payload"]
    assert payload["error_code"] == "invalid_payload"
    details = payload["error_details"]
    assert details["retryable"] is False
    assert details["error_count"] == 1
    assert details["errors"] == [
        {
            "field_path": "payload.request.priority",
            "pointer": "/payload/request/priority",
            "error_type": "int_type",
            "message": "must be a whole number, without quotes",
        }
    ]


async def test_many_bad_ones_at_once_hold_nobody_up(line: Line) -> None:
    """A flood of the costliest case, and a good message behind it."""
    costly: list[Case] = [case for case in cases() if case.name == "bad_batch_entries_50000"]
    before = sum(1 for _ in line.letters())
    await asyncio.gather(*(line.send(costly[0].body) for _ in range(FLOOD)))
    # Its turn comes behind all of them: what counts is that it comes.
    await line.served(within=FLOOD * PATIENCE)
    await eventually(
        lambda: sum(1 for _ in line.letters()) == before + FLOOD, within=FLOOD * PATIENCE
    )
