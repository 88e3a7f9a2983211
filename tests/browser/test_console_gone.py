"""A page whose console is gone says so, and comes back with what the journal has."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from broker.letters import prepare, write
from broker.replaying import processors
from broker.worker import serving
from browser.conftest import console_at, visiting
from playwright.async_api import expect

if TYPE_CHECKING:
    from playwright.async_api import Browser

#: More milliseconds than a page waits for a word of its console.
SILENCE = 17_000


async def test_a_run_whose_console_is_gone_does_not_go_on_for_ever(
    amqp_url: str, browser: Browser
) -> None:
    """Its figures are called old and nothing is offered; later its address tells how it ended."""
    await prepare(amqp_url)
    await write(amqp_url, 40)
    async with serving(amqp_url, processors()), AsyncExitStack() as first:
        address = await first.enter_async_context(console_at(amqp_url, processors()))
        async with visiting(browser, address) as visit:
            page = visit.page
            await page.clock.install()
            await visit.to("/letters/replay")
            await page.get_by_label("Messages a second").fill("1")
            await page.get_by_role("button", name="Replay").click()
            await expect(page.get_by_text("going on", exact=True)).to_be_visible()
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
