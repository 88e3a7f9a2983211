"""A console without a broker, and visitors who come to it over ASGI."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx

from workers.console.app import Plan, console
from workers.console.doors.passwords import made_of
from workers.console.doors.users import Role, User
from workers.registry import Registry
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from starlette.types import ASGIApp

PASSWORD: Final = "correct horse battery"
#: Cheap, since it is checked often here.
MADE: Final = made_of(PASSWORD, log_cost=10, passes=1)
USERS: Final = {
    "vera": User("vera", Role.VIEWER, MADE),
    "otto": User("otto", Role.OPERATOR, MADE),
}
HOST: Final = "console.example"


def opened(
    users: Mapping[str, User] | None = None,
    *,
    registry: Registry | None = None,
    host: str = "127.0.0.1",
    **settings: Any,
) -> AbstractAsyncContextManager[ASGIApp]:
    """Lend a console whose broker is away: port 1 refuses at once."""
    given = {"amqp_url": "amqp://guest:guest@127.0.0.1:1/", "connect_timeout": 1.0} | settings
    return console(
        Plan(
            settings=Settings(**given),
            registry=registry or Registry(),
            users=users or {},
            host=host,
        )
    )


def browser_of(
    app: ASGIApp, *, host: str = "localhost", peer: str = "127.0.0.1", scheme: str = "http"
) -> httpx.AsyncClient:
    """Return a browser that follows nothing by itself."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, client=(peer, 50_000)),
        base_url=f"{scheme}://{host}",
    )


@asynccontextmanager
async def visitor(
    console: AbstractAsyncContextManager[ASGIApp], **of: str
) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a browser, and the console it visits."""
    async with console as app, browser_of(app, **of) as browser:
        yield browser


def token(page: httpx.Response) -> str:
    """Return the token that the page's forms carry."""
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def once(page: httpx.Response) -> str:
    """Return the key of the page's form."""
    found = re.search(r'name="once" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def form(page: httpx.Response, **fields: str) -> dict[str, str]:
    """Return the page's form, filled in."""
    return {"token": token(page), "once": once(page), **fields}


async def log_in(browser: httpx.AsyncClient, name: str, password: str = PASSWORD) -> httpx.Response:
    """Fill in the login form and send it."""
    page = await browser.get("/login")
    form = {"name": name, "password": password, "token": token(page), "next": "/contracts"}
    return await browser.post("/login", data=form)


async def seen(browser: httpx.AsyncClient, path: str) -> httpx.Response:
    """Return a page when it is more than the news how far a look is."""
    async with asyncio.timeout(30):
        while 'id="looking"' in (page := await browser.get(path)).text:
            pass
    return page
