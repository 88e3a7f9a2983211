"""A console that is closed at any moment leaves nothing behind; one that is killed, its runs."""

from __future__ import annotations

import asyncio
import re
import signal
from typing import TYPE_CHECKING

import httpx
from broker.clicking import expect_open, people, shows
from broker.letters import prepare, write
from broker.processes import running
from broker.replaying import processors
from broker.worker import eventually, serving
from unit.console.visiting import form, seen

from workers.console.feed import Feed
from workers.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

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


async def test_a_closed_console_stops_between_two_letters(amqp_url: str) -> None:
    """What was done is done and noted; the rest is open, and nothing is in between."""
    await prepare(amqp_url)
    await write(amqp_url, 40)
    async with serving(amqp_url, processors()):
        async with people(amqp_url) as (_, otto, _other):
            page = await seen(otto, "/letters/replay")
            sent = form(page, rate="1", all="on", why="slowly")
            run = (await otto.post("/letters/replay", data=sent)).headers["location"]
            await shows(otto, run, "The rest follows")
        async with people(amqp_url) as (_, otto, _other):
            past = (await shows(otto, run, 'id="past">stopped by the console, which left')).text
            found = re.search(r"<b>(\d+)</b><span>of 40 letters closed", past)
            assert found
            assert 0 < int(found[1]) < 40
            await expect_open(otto, 40 - int(found[1]))
            assert "slowly" in past
            assert "slowly" in (await otto.get("/history")).text
            unknown = await otto.get("/runs/0123456789ab")
            assert (unknown.status_code, "No such run" in unknown.text) == (404, True)


async def test_a_run_of_a_killed_console_is_interrupted_at_its_address(
    amqp_url: str, tmp_path: Path
) -> None:
    """Another console tells there what was done until then, and that this was no end."""
    await prepare(amqp_url)
    await write(amqp_url, 40)
    told = tmp_path / "told"
    with told.open("wb") as stderr:
        async with (
            serving(amqp_url, processors()),
            running(
                amqp_url, "broker.killing:registry", verb="console", stderr=stderr, console_port=0
            ) as process,
        ):
            await eventually(lambda: _address(told))
            async with httpx.AsyncClient(base_url=_address(told)) as browser:
                page = await seen(browser, "/letters/replay")
                sent = form(page, rate="1", all="on", why="slowly")
                run = (await browser.post("/letters/replay", data=sent)).headers["location"]
                await shows(browser, run, "The rest follows")
            process.send_signal(signal.SIGKILL)
            await process.wait()
            async with people(amqp_url) as (_, otto, _other):
                past = (await shows(otto, run, "It was interrupted")).text
    assert "of 40 letters closed" in past
    assert "slowly" in past


def _address(told: Path) -> str:
    found = re.search(r"http://\S+", told.read_text())
    return found[0] if found else ""
