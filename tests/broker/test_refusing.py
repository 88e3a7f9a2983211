"""A queue that goes on refusing is tried from a fresh channel; nobody else is the worse for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aio_pika
import pytest

from workers.link.link import Link, LinkPlan
from workers.publication import Publication, Published

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FULL = "full"
OPEN = "open"


@pytest.fixture
async def line(amqp_url: str) -> AsyncIterator[Link]:
    """Lend a line to a broker with a queue that is full, and one that is not."""
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(
            FULL, arguments={"x-max-length": 0, "x-overflow": "reject-publish"}, auto_delete=True
        )
        await channel.declare_queue(OPEN, auto_delete=True)
        link = Link(LinkPlan(amqp_url=amqp_url, queues={}, name="refused"), lambda _: None)
        await link.publish_only(within=10)
        yield link
        await link.stop(within=5)


async def fate(link: Link, queue: str) -> Published:
    """Publish to a queue, and return what became of it."""
    told: asyncio.Future[Published] = asyncio.get_running_loop().create_future()
    link.publish(Publication("", queue, b"x"), told.set_result)
    return await asyncio.wait_for(told, 10)


async def test_a_fresh_channel_takes_over_and_nothing_is_lost_or_doubled(
    line: Link, caplog: pytest.LogCaptureFixture
) -> None:
    """The queue was full, so it changes nothing for it; all others are confirmed, each once."""
    caplog.set_level("INFO", "leveret.link")
    sent = 0
    async with asyncio.timeout(30):
        while "trying a fresh channel" not in caplog.text:
            assert await fate(line, FULL) is Published.REFUSED
            assert await fate(line, OPEN) is Published.CONFIRMED
            sent += 1
    # Whatever is sent while the channel is changed waits for the new one.
    assert await fate(line, OPEN) is Published.CONFIRMED
    assert await fate(line, FULL) is Published.REFUSED
    async with await aio_pika.connect(line._plan.amqp_url) as connection:
        queue = await (await connection.channel()).declare_queue(OPEN, passive=True)
    assert queue.declaration_result.message_count == sent + 1
