"""A console that is closed while it is only just connecting leaves nothing behind."""

from __future__ import annotations

import asyncio

from broker.letters import prepare
from broker.worker import eventually

from workers.console.feed import Feed
from workers.settings import Settings

#: Seconds after which it is closed: from before the first byte until all lines are open, in steps
#: that differ from each other by less than one answer of the broker's takes.
MOMENTS = [number * 0.003 for number in range(40)]
#: Seconds in which it is closed at the most; all of the moments together take a few.
SOON = 5.0


async def test_a_feed_stops_at_any_moment_and_whole(amqp_url: str) -> None:
    """Neither a lost cancellation nor a line that lives on keeps anybody waiting."""
    await prepare(amqp_url)
    ours = asyncio.all_tasks()
    for moment in MOMENTS:
        feed = Feed(Settings(amqp_url=amqp_url))
        feed.begin()
        await asyncio.sleep(moment)  # no more than a moment: whatever was reached, it is left
        async with asyncio.timeout(SOON):
            await feed.stop()
        await eventually(lambda: asyncio.all_tasks() <= ours)
