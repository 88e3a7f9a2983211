"""What an applied topology does with messages: each copy is where it belongs, and only there."""

from __future__ import annotations

import asyncio

import pytest
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from broker.topology.laid import NAMES, RUNG, SOON, applied, arrival, journal, publish, waiting

from topology import Topology


async def test_a_rung_gives_back_to_the_queue_it_came_from(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """After its delay a copy is in the one work queue that its key names, in no other group's."""
    await applied(connection, topology)
    rung, key = NAMES.retry(RUNG), NAMES.work("one")
    loop = asyncio.get_running_loop()
    began = loop.time()
    await publish(channel, rung, key, b"again")
    back = await arrival(channel, key)
    assert loop.time() - began >= RUNG.seconds * 0.8
    assert (back.body, back.routing_key, back.exchange) == (b"again", key, "")
    assert await waiting(channel, NAMES.work("two")) == []
    assert await waiting(channel, NAMES.urgent("one")) == []
    assert await waiting(channel, rung) == []


async def test_a_copy_can_wait_on_a_rung_many_times(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """A fresh copy of a message comes back from the same rung each time, as from the first."""
    await applied(connection, topology)
    for attempt in range(3):
        await publish(channel, NAMES.retry(RUNG), NAMES.urgent("two"), b"%d" % attempt)
        assert (await arrival(channel, NAMES.urgent("two"))).body == b"%d" % attempt


@pytest.mark.parametrize(
    ("key", "urgent"),
    [
        ("document", False),
        ("task_request.echo", False),
        ("document.urgent", False),
        ("task_request.urgent", False),
        ("task_request.echo.urgent", True),
        ("task_request.urgent.urgent", True),
    ],
)
async def test_each_group_gets_a_message_once(
    connection: AbstractConnection,
    channel: AbstractChannel,
    topology: Topology,
    key: str,
    *,
    urgent: bool,
) -> None:
    """A request reaches exactly one of a group's two queues."""
    await applied(connection, topology)
    await publish(channel, NAMES.requests, key)
    for group in ("one", "two"):
        assert await waiting(channel, NAMES.work(group)) == ([] if urgent else [b"x"])
        assert await waiting(channel, NAMES.urgent(group)) == ([b"x"] if urgent else [])


async def test_a_dead_letter_is_open_work_and_history(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """A dead letter is in its own group's queue and the journal; a note in the journal only."""
    await applied(connection, topology)
    await publish(channel, NAMES.dead, NAMES.dead_key("one"), b"letter")
    assert (await journal(channel)).body == b"letter"
    await publish(channel, NAMES.dead, NAMES.journal_key, b"note")
    assert await waiting(channel, NAMES.dead_queue("one")) == [b"letter"]
    assert await waiting(channel, NAMES.dead_queue("two")) == []


@pytest.mark.parametrize("queue", [NAMES.work("two"), NAMES.urgent("two")])
async def test_the_broker_dead_letters_into_the_same_place(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology, queue: str
) -> None:
    """What a worker drops without a word is among its group's dead letters and in history."""
    await applied(connection, topology)
    await publish(channel, "", queue, b"dropped")
    work = await channel.get_queue(queue, ensure=False)
    await (await work.get(timeout=SOON)).reject(requeue=False)
    assert (await arrival(channel, NAMES.dead_queue("two"))).body == b"dropped"
    assert (await journal(channel)).body == b"dropped"
    assert await waiting(channel, NAMES.dead_queue("one")) == []


async def test_a_dead_letter_survives_any_number_of_looks(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """A letter that is taken and given back thirty times is still there."""
    await applied(connection, topology)
    await publish(channel, NAMES.dead, NAMES.dead_key("one"), b"letter")
    letters = await channel.get_queue(NAMES.dead_queue("one"), ensure=False)
    async with asyncio.timeout(SOON), letters.iterator() as messages:
        for _ in range(30):
            await (await anext(messages)).nack(requeue=True)
    assert (await arrival(channel, NAMES.dead_queue("one"))).body == b"letter"


async def test_a_poisonous_message_is_given_up_by_the_broker(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """A message that is given back over and over ends among the dead letters, at the limit."""
    await applied(connection, topology)
    await publish(channel, "", NAMES.work("one"), b"poison")
    work = await channel.get_queue(NAMES.work("one"), ensure=False)

    async def give_back(message: AbstractIncomingMessage) -> None:
        await message.reject(requeue=True)

    tag = await work.consume(give_back)
    assert (await arrival(channel, NAMES.dead_queue("one"))).body == b"poison"
    await work.cancel(tag)
