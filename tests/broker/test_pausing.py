"""Consumers that come and go while messages are in flight, on the real broker."""

from __future__ import annotations

import asyncio

from broker.worker import Asking, eventually, serving
from pydantic import BaseModel

from workers import Context, Registry

#: Messages, more than are with the worker at once.
COUNT = 60
PREFETCH = 20


class Nothing(BaseModel):
    """No parameters."""


async def test_consuming_anew_with_messages_in_flight_costs_no_connection(amqp_url: str) -> None:
    """Pausing and resuming while some messages are held and others done keeps the one connection.

    RabbitMQ closes it with 541 where the same consumer tag comes back.
    """
    registry = Registry()
    held, released = asyncio.Event(), asyncio.Event()

    @registry.task("slow", parameters=Nothing)
    async def slow(_parameters: Nothing, _context: Context) -> None:
        held.set()
        await released.wait()

    @registry.task("quick", parameters=Nothing)
    async def quick(_parameters: Nothing, _context: Context) -> None:
        pass

    async with (
        serving(amqp_url, registry, prefetch=PREFETCH) as (service, metrics),
        Asking(amqp_url) as asking,
    ):
        ids = [
            await asking.publish(asking.task("quick" if n % 10 else "slow")) for n in range(COUNT)
        ]
        await held.wait()
        for _ in range(3):
            await service.link.pause()
            service.link.resume()
        released.set()
        await eventually(lambda: all(asking.answers[told] for told in ids))
        assert all(len(asking.answers[told]) == 1 for told in ids)
        assert metrics.registry.get_sample_value("leveret_reconnects_total") == 0
