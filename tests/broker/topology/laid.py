"""Two groups' topology in an empty virtual host, and how a test publishes into it and takes out."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aio_pika
import httpx
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

from topology import Delay, GroupSpec, Names, Topology, TopologySpec, plan
from topology.apply import apply, broker_version, look

RUNG = Delay.parse("200ms")
NAMES = Names("t")
#: Seconds within which a broker on this machine must have done anything asked here.
SOON = 20.0


def spec(connection: AbstractConnection, prefix: str = "t") -> TopologySpec:
    """Return the specification of two groups that take the same messages."""
    return TopologySpec(
        prefix=prefix,
        groups=(GroupSpec(name="one"), GroupSpec(name="two")),
        retry_delays=(RUNG,),
        broker_version=broker_version(connection),
    )


async def applied(connection: AbstractConnection, topology: Topology) -> None:
    """Bring the topology to the broker."""
    await apply(connection, plan(topology, await look(connection, topology)))


async def publish(channel: AbstractChannel, exchange: str, key: str, body: bytes = b"x") -> None:
    """Publish and wait until every queue that got it has confirmed."""
    target = await channel.get_exchange(exchange, ensure=False)
    async with asyncio.timeout(SOON):
        await target.publish(aio_pika.Message(body), key, mandatory=True)


async def waiting(channel: AbstractChannel, name: str) -> list[bytes]:
    """Take all that is in a queue now and return the bodies."""
    queue = await channel.get_queue(name, ensure=False)
    bodies = []
    while (message := await queue.get(no_ack=True, fail=False)) is not None:
        bodies.append(message.body)
    return bodies


async def arrival(
    channel: AbstractChannel, name: str, arguments: dict[str, Any] | None = None
) -> AbstractIncomingMessage:
    """Wait for the next message in a queue or stream and acknowledge it."""
    queue = await channel.get_queue(name, ensure=False)
    await channel.set_qos(prefetch_count=1)
    async with asyncio.timeout(SOON), queue.iterator(arguments=arguments) as messages:
        message = await anext(messages)
        await message.ack()
        return message


async def journal(channel: AbstractChannel) -> AbstractIncomingMessage:
    """Return the first message of the journal."""
    return await arrival(channel, NAMES.journal, {"x-stream-offset": "first"})


async def listed(management_url: str, amqp_url: str) -> list[dict[str, Any]]:
    """Return the bindings as the management API lists them."""
    vhost = quote(unquote(urlsplit(amqp_url).path[1:]), safe="")
    async with httpx.AsyncClient(base_url=management_url, timeout=SOON) as client:
        answer = await client.get(f"/api/bindings/{vhost}")
    rows: list[dict[str, Any]] = answer.raise_for_status().json()
    return rows


async def imported(management_url: str, told: dict[str, Any]) -> None:
    """Import definitions through the management API."""
    async with httpx.AsyncClient(base_url=management_url, timeout=SOON) as client:
        (await client.post("/api/definitions", json=told)).raise_for_status()
