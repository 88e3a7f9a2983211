"""The console, opened: who may open it, and where; and served by a process of its own."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from workers.console.app import Plan, console
from workers.console.doors.gate import is_loopback
from workers.console.doors.users import ConsoleRefused, users_of
from workers.probes.web import Server

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.types import ASGIApp

    from workers.console.doors.users import User
    from workers.registry import Registry
    from workers.settings import Settings


def checked_users(settings: Settings, *, host: str) -> Mapping[str, User]:
    """Return who may enter; raises ConsoleRefused where strangers could walk in."""
    users = users_of(settings)
    if not users and not is_loopback(host):
        raise ConsoleRefused(
            f"the console will not open on {host} to whoever comes: give it users "
            "(`leveret console user NAME` makes one for LEVERET_CONSOLE_USERS), or let it listen "
            "on 127.0.0.1",
        )
    return users


@asynccontextmanager
async def opened(
    settings: Settings, registry: Registry, *, host: str, modules: tuple[str, ...] = ()
) -> AsyncIterator[ASGIApp]:
    """Lend a console that is kept up to date; raises ConsoleRefused as `checked_users` does.

    `modules` is where the registry came from, for tests that it writes.
    """
    users = checked_users(settings, host=host)
    plan = Plan(settings=settings, registry=registry, users=users, host=host, modules=modules)
    async with console(plan) as app:
        yield app


async def serve(
    settings: Settings,
    registry: Registry,
    stop: asyncio.Event,
    told: Callable[[str], None],
    *,
    modules: tuple[str, ...] = (),
) -> None:
    """Serve until told to stop; `told` hears the address."""
    host = settings.console_host
    async with (
        opened(settings, registry, host=host, modules=modules) as app,
        Server(app, host=host, port=settings.console_port, settings="LEVERET_CONSOLE") as server,
    ):
        shown = f"[{host}]" if ":" in host else host
        told(f"http://{shown}:{server.port}/")
        await stop.wait()
