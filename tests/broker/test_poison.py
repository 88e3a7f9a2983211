"""What no decent client sends, and the broker passes on all the same, harms nobody.

Each such message becomes a dead letter; nobody else's does, no connection is made anew, and the
next good message is answered within a second.
"""

from __future__ import annotations

import asyncio
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

import orjson
import pytest
from broker.raw import RawPublisher, Refused, written
from broker.worker import NAMES, Asking, code, eventually, serving

from messages import ProtocolModel
from workers import Context, Registry, headers
from workers.link import wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from workers.metrics.metrics import Metrics

#: Good messages before and behind each poisoned one: they share its prefetch window.
NEIGHBOURS = 5


class Words(ProtocolModel):
    """Parameters of every task here."""

    text: str = ""


@pytest.fixture
def registry() -> Registry:
    """Return a processor that says what it was told."""
    registry = Registry()

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Words:
        return words

    return registry


@pytest.fixture
async def scene(amqp_url: str, registry: Registry) -> AsyncIterator[Scene]:
    """Lend a worker, somebody who asks, and a raw publisher."""
    async with serving(amqp_url, registry) as (_, metrics), Asking(amqp_url) as asking:
        yield Scene(amqp_url, asking, metrics)


class Scene:
    """A worker at work, and the means to poison it."""

    def __init__(self, url: str, asking: Asking, metrics: Metrics) -> None:
        self.url = url
        self.asking = asking
        self.metrics = metrics

    async def poison(self, raw: bytes, body: bytes | None = None, key: str = "task_request") -> int:
        """Send the bytes among good neighbours; return how many letters came of it in all."""
        connections = _connections(self.metrics)
        before = self.metrics.ends("dead_lettered")
        good = [await self.asking.publish(self.asking.task("echo")) for _ in range(NEIGHBOURS)]
        sent = orjson.dumps({"poison": str(uuid4())}) if body is None else body
        await asyncio.to_thread(self._publish, raw, sent, key)
        good += [await self.asking.publish(self.asking.task("echo")) for _ in range(NEIGHBOURS)]
        began = time.monotonic()
        await self.asking.answer(self.asking.task("echo"))
        # A second is the promise (`make faults` tells the figure); a busy test machine gets five.
        assert time.monotonic() - began < 5.0
        await eventually(lambda: all(self.asking.answers[one] for one in good))
        await eventually(lambda: self.metrics.in_flight == 0)
        assert _connections(self.metrics) == connections
        letters = [each for letters in self.asking.letters.values() for each in letters]
        assert not any(self.asking.letters.get(one) for one in good)
        assert all(letter.body == sent for letter in letters)
        return self.metrics.ends("dead_lettered") - before

    def _publish(self, raw: bytes, body: bytes, key: str) -> None:
        with RawPublisher(self.url) as publisher:
            publisher.publish(NAMES.requests, key, raw, body)


def _connections(metrics: Metrics) -> dict[str, int]:
    return dict(metrics._connections)


def flags(bits: int, values: bytes) -> bytes:
    """Return a content header of these flags and values."""
    return struct.pack(">H", bits) + values


def table(entries: bytes) -> bytes:
    """Return a content header of nothing but headers."""
    return flags(wire.HEADERS, struct.pack(">I", len(entries)) + entries)


def nested(deep: int) -> bytes:
    """Return a table in a table in a table."""
    inner = b""
    for _ in range(deep):
        inner = b"\x01xF" + struct.pack(">I", len(inner)) + inner
    return inner


BAD_TEXT = b"\x04ab\xff\xfe"
PASSED_ON = {
    **{
        f"{name} is no UTF-8": flags(getattr(wire, name.upper()), BAD_TEXT)
        for name in (
            "content_type",
            "content_encoding",
            "correlation_id",
            "reply_to",
            "message_id",
            "type",
            "app_id",
            "cluster_id",
        )
    },
    "a header's name is no UTF-8": table(b"\x02\xff\xfeS\x00\x00\x00\x01a"),
    "a header's text is no UTF-8": table(b"\x01aS\x00\x00\x00\x02\xff\xfe"),
    "a timestamp in microseconds": flags(wire.TIMESTAMP, struct.pack(">Q", 1_700_000_000_000_000)),
    "a timestamp in nanoseconds": flags(wire.TIMESTAMP, struct.pack(">Q", 17 * 10**17)),
    "a timestamp of 2^63": flags(wire.TIMESTAMP, struct.pack(">Q", 2**63)),
    "a header's time past year 9999": table(b"\x01aT" + struct.pack(">Q", 2**62)),
    "header tables 600 deep": table(nested(600)),
    "127 KiB of headers": table(b"\x01aS" + struct.pack(">I", 130_000) + b"x" * 130_000),
    "forty thousand headers": table(b"\x01aV" * 40_000),
    "a forged x-death": written(
        headers={"x-death": [{"queue": NAMES.work("default"), "reason": "rejected", "count": 99}]}
    ),
    "an x-death that is no list of tables": written(headers={"x-death": ["forged", 1, None]}),
    "forged CC and BCC": written(headers={"CC": [NAMES.dead_queue("default")], "BCC": ["x"]}),
    "a forged x-delivery-count": written(headers={"x-delivery-count": 19}),
    "our own headers, forged": written(headers={headers.ATTEMPTS: 99, headers.ID: "x"}),
    "an empty correlation id": written(correlation_id="", message_id="m"),
    "a huge correlation id": written(correlation_id="c" * 255),
    "a correlation id with line breaks": written(correlation_id="c\r\nlevel=ERROR fake"),
    "a priority of 255": written(priority=255),
}


@pytest.mark.parametrize("name", PASSED_ON)
async def test_a_poisoned_message_is_one_dead_letter_and_nobody_elses(
    scene: Scene, name: str
) -> None:
    """The body is no envelope, so it dies; what is in the properties must not matter."""
    letters = await scene.poison(PASSED_ON[name])
    twice = name == "forged CC and BCC"  # the broker itself routed a copy to the dead letters
    assert letters == 1 or twice


async def test_a_routing_key_that_is_no_utf8_is_carried_through(scene: Scene) -> None:
    """Topic exchanges match bytes."""
    with RawPublisher(scene.url) as publisher:
        payload = (
            wire.BASIC_PUBLISH
            + b"\x00\x00"
            + bytes((len(NAMES.requests),))
            + NAMES.requests.encode()
            + b"\x04ab\xff\xfe\x00"
        )
        publisher._send(1, payload)
        publisher._send(2, struct.pack(">HHQ", 60, 0, 2) + b"\x00\x00")
        publisher._send(3, b"{}")
    answer = await scene.asking.answer(scene.asking.task("echo"))
    assert answer["response"]["status"] == "completed"


REFUSED = {
    "an unknown field type": table(b"\x01aZ\x00\x00\x00\x00"),
    "a table longer than its frame": flags(wire.HEADERS, struct.pack(">I", 9_999) + b"\x01aV"),
    "somebody else's user id": written(user_id="somebody-else"),
    "an expiration that is no number": written(expiration="soon"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_the_broker_itself_refuses_never_gets_here(scene: Scene, name: str) -> None:
    """So that we notice when another version of it lets one pass."""
    with pytest.raises(Refused), RawPublisher(scene.url) as publisher:
        publisher.publish(NAMES.requests, "task_request", REFUSED[name], b"{}")
    await scene.asking.answer(scene.asking.task("echo"))


async def test_a_delivery_mode_of_3_is_refused_or_comes_to_its_end(scene: Scene) -> None:
    """RabbitMQ 3 closes the channel for it, RabbitMQ 4 hands it on: then it is a dead letter."""
    try:
        letters = await scene.poison(flags(wire.DELIVERY_MODE, b"\x03"))
    except Refused:
        letters = 1
    assert letters == 1
    await scene.asking.answer(scene.asking.task("echo"))


def spoofed() -> bytes:
    """Return a header in which the broker sees no user id, and a careless client reads one."""
    good = written(user_id="admin", correlation_id="spoof")
    (bits,) = struct.unpack_from(">H", good)
    return struct.pack(">HH", bits | wire.CONTINUED, 0) + good[2:]


CONTINUED = {
    "nothing behind the continuation bit": flags(wire.CONTINUED, b""),
    "a user id behind a second word of flags": spoofed(),
}


@pytest.mark.parametrize("name", CONTINUED)
async def test_nobody_is_believed_whose_flags_can_be_read_in_two_ways(
    scene: Scene, name: str
) -> None:
    """Whether the broker refuses such a message or passes it on, no false sender comes of it."""
    with suppress(Refused):  # this broker may see through it; the decoder has tests of its own
        await scene.poison(CONTINUED[name])
    for letters in scene.asking.letters.values():
        assert all(headers.USER_ID not in each.properties.headers for each in letters)
    await scene.asking.answer(scene.asking.task("echo"))


async def test_poison_in_a_classic_queue_harms_its_reader_no_more(scene: Scene) -> None:
    """Classic queues hand on what quorum queues put right: a client's mailbox is one."""
    heard = scene.asking.answers
    sent = 0
    for raw in (*PASSED_ON.values(), *CONTINUED.values()):
        try:
            with RawPublisher(scene.url) as publisher:
                publisher.publish("", scene.asking.client.mailbox, raw, b"poison")
            sent += 1
        except Refused:
            continue
    await eventually(
        lambda: sum(each.body == b"poison" for some in heard.values() for each in some) == sent
    )
    told = [each.properties for some in heard.values() for each in some]
    assert not any(properties.user_id == "admin" for properties in told)
    await scene.asking.answer(scene.asking.task("echo"))


async def test_a_good_body_under_poisoned_properties_is_kept_whole(scene: Scene) -> None:
    """Nobody guesses what was meant; an operator can read it and send it again."""
    task = scene.asking.task("echo", parameters={"text": "hare"})
    assert await scene.poison(PASSED_ON["header tables 600 deep"], task.body) == 1


async def test_many_poisoned_messages_in_a_row_hold_nobody_up(scene: Scene) -> None:
    """A hundred of them, and a hundred good ones between: all ends are right."""
    connections = _connections(scene.metrics)
    kinds = [raw for name, raw in PASSED_ON.items() if "CC" not in name]
    good: list[str] = []
    with RawPublisher(scene.url) as publisher:
        for number in range(100):
            raw = kinds[number % len(kinds)]
            publisher.publish(NAMES.requests, "task_request", raw, b'{"poison":%d}' % number)
            good.append(await scene.asking.publish(scene.asking.task("echo")))
    await eventually(lambda: scene.metrics.ends("dead_lettered") == 100)
    await eventually(lambda: all(scene.asking.answers[one] for one in good))
    assert _connections(scene.metrics) == connections
    await eventually(lambda: sum(map(len, scene.asking.letters.values())) == 100)
    codes = {code(letter) for some in scene.asking.letters.values() for letter in some}
    assert codes <= {"invalid_envelope", "unsupported_encoding"}
