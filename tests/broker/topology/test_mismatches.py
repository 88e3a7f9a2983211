"""What differs at a real RabbitMQ is explained argument by argument, and nothing is touched."""

from __future__ import annotations

from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractConnection
from broker.topology.laid import NAMES, RUNG

from topology import (
    GroupSpec,
    Names,
    Topology,
    TopologyMismatch,
    TopologySpec,
    design,
    explain,
    plan,
)
from topology.apply import apply, broker_version, check, look
from topology.plan import Difference
from topology.refusal import Untold


async def test_a_mismatch_is_explained_and_nothing_is_changed(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """Every differing argument is told with the broker's value, and apply refuses as a whole."""
    wanted = next(queue for queue in topology.queues if queue.name == NAMES.work("one"))
    other: dict[str, Any] = {**wanted.table(), "x-max-length-bytes": 5_000, "x-max-length": 7}
    del other["x-delivery-limit"]
    await channel.declare_queue(wanted.name, durable=True, arguments=other)
    made = plan(topology, await look(connection, topology))
    (mismatch,) = made.mismatches
    assert set(mismatch.differences) == {
        Difference("x-max-length-bytes", wanted=2**30, found=5_000),
        Difference("x-delivery-limit", wanted=20, found=None),
        Difference("x-max-length", wanted=None, found=7),
    }
    with pytest.raises(TopologyMismatch, match=r"x-max-length: we want none, .* has 7") as refused:
        await apply(connection, made)
    assert "\n" not in str(refused.value)
    assert len(await check(connection, topology)) == len(topology.declarations) - 1


async def test_another_kind_of_queue_and_exchange_is_explained(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """A classic queue and a direct exchange under our names are told as what they are."""
    await channel.declare_queue(NAMES.work("one"), durable=True)
    await channel.declare_exchange(NAMES.dead, "direct", durable=False)
    exchange, queue = plan(topology, await look(connection, topology)).mismatches
    assert set(exchange.differences) == {
        Difference("type", wanted="topic", found="direct"),
        Difference("durable", wanted=True, found=False),
    }
    told = {one.argument: one.found for one in queue.differences}
    assert "x-queue-type" in told
    assert told["x-dead-letter-exchange"] is None
    assert told["x-max-length-bytes"] is None


async def test_a_locked_queue_is_explained(
    connection: AbstractConnection, topology: Topology, amqp_url: str
) -> None:
    """A queue that another connection holds exclusively is a mismatch, not a failure."""
    async with await aio_pika.connect(amqp_url) as holder:
        held = await holder.channel()
        await held.declare_queue(NAMES.work("one"), exclusive=True)
        told = explain(plan(topology, await look(connection, topology)))
    assert "exclusive: we want false, the broker has true" in told


async def test_a_cut_answer_is_told_as_far_as_it_goes(
    connection: AbstractConnection, channel: AbstractChannel
) -> None:
    """Under long names the broker's value falls off its answer, and the plan says it differs."""
    prefix = "p" * 60
    topology = design(
        TopologySpec(
            prefix=prefix,
            groups=(GroupSpec(name="g" * 60),),
            retry_delays=(RUNG,),
            broker_version=broker_version(connection),
        )
    )
    await channel.declare_queue(Names(prefix).work("g" * 60), durable=True)
    (mismatch,) = plan(topology, await look(connection, topology)).mismatches
    assert Untold.UNTOLD in {one.found for one in mismatch.differences}
