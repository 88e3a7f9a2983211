"""A run whose page is closed goes on; a page whose console is gone says so, and comes back."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from broker.letters import prepare, write
from broker.replaying import processors
from broker.worker import PATIENCE, serving
from browser.conftest import console_at, visiting
from playwright.async_api import expect

if TYPE_CHECKING:
    from browser.conftest import Visit
    from playwright.async_api import Browser

#: Letters, a second apart: nobody waits for the last of them.
MANY: Final = 40
#: More milliseconds than a page waits for a word of its console.
SILENCE: Final = 17_000


async def test_a_closed_tab_stops_nothing(amqp_url: str, browser: Browser) -> None:
    """The run goes on without anybody looking; at its address anybody can stop it later."""
    await prepare(amqp_url)
    await write(amqp_url, MANY)
    async with (
        serving(amqp_url, processors()),
        console_at(amqp_url, processors()) as address,
    ):
        async with visiting(browser, address) as visit:
            await _begins(visit)
            run = visit.page.url.removeprefix(address)
            seen = await _done(visit)
        async with visiting(browser, address) as visit:
            await visit.to(run)
            async with asyncio.timeout(PATIENCE):
                while await _done(visit) <= seen:
                    await visit.to(run)
            await visit.page.get_by_role("button", name="Stop").click()
            await expect(visit.page.locator("#ending")).to_have_text("stopped")


async def test_a_run_whose_console_is_gone_does_not_go_on_for_ever(
    amqp_url: str, browser: Browser
) -> None:
    """Its figures are called old and nothing is offered; later its address tells how it ended."""
    await prepare(amqp_url)
    await write(amqp_url, MANY)
    async with serving(amqp_url, processors()), AsyncExitStack() as first:
        address = await first.enter_async_context(console_at(amqp_url, processors()))
        async with visiting(browser, address) as visit:
            page = visit.page
            await page.clock.install()
            await _begins(visit)
            lost = page.get_by_text("The connection to this console is gone")
            await expect(lost).to_be_hidden()
            await first.aclose()
            await page.clock.run_for(SILENCE)
            await expect(lost).to_be_visible()
            for button in await page.locator("#steer button").all():
                await expect(button).to_be_disabled()
            port = urlsplit(address).port
            async with console_at(amqp_url, processors(), port=port):
                await page.clock.run_for(SILENCE)
                await expect(page.locator("#past")).to_contain_text("stopped by the console")
            visit.complaints.clear()  # a browser complains of every address that does not answer


async def _begins(visit: Visit) -> None:
    await visit.to("/letters/replay")
    await visit.page.get_by_label("Messages a second").fill("1")
    await visit.page.get_by_role("button", name="Replay").click()
    await expect(visit.page.get_by_text("going on", exact=True)).to_be_visible()


async def _done(visit: Visit) -> int:
    return int(await visit.page.locator("progress").get_attribute("value") or 0)
