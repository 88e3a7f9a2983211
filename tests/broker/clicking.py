"""Operators who click: a console over a real broker, its forms filled in, its runs waited for."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from unit.console.visiting import USERS, browser_of, log_in, opened, seen
from waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from starlette.types import ASGIApp


@asynccontextmanager
async def people(
    url: str, **settings: Any
) -> AsyncIterator[tuple[ASGIApp, httpx.AsyncClient, httpx.AsyncClient]]:
    """Lend a console with an operator and another browser of the same one, both logged in."""
    async with (
        opened(USERS, amqp_url=url, **settings) as app,
        browser_of(app) as one,
        browser_of(app) as two,
    ):
        await log_in(one, "otto")
        await log_in(two, "otto")
        yield app, one, two


async def shows(browser: httpx.AsyncClient, address: str, text: str) -> httpx.Response:
    """Return the page once it shows a text, asked again and again as people do."""

    async def shown() -> httpx.Response | None:
        page = await browser.get(address)
        return page if text in page.text else None

    page = await until(shown)
    assert page is not None
    return page


async def over(browser: httpx.AsyncClient, address: str) -> str:
    """Return the page of a run when that is over."""
    return (await shows(browser, address, 'id="ending"')).text


async def expect_open(browser: httpx.AsyncClient, count: int) -> None:
    """Pass once the list says that so many letters are open: it follows the journal."""

    async def so_many() -> bool:
        return await open_letters(browser) == count

    await until(so_many)


async def open_letters(browser: httpx.AsyncClient) -> int:
    """Return how many letters the list says are open."""
    found = re.search(r"(\d+) letters? open", (await seen(browser, "/letters")).text)
    assert found
    return int(found[1])
