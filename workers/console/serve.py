"""The console as a process of its own, or beside a worker's metrics: who may open it, and where."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from workers.console.app import Plan, console
from workers.console.doors.gate import is_loopback
from workers.console.doors.users import ConsoleRefused, users_of
from workers.web import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from workers.registry import Registry
    from workers.settings import Settings

log = logging.getLogger("leveret.console")


def opened(settings: Settings, registry: Registry, *, host: str) -> ASGIApp:
    """Return the console; raises ConsoleRefused where strangers could walk in."""
    users = users_of(settings)
    if not users and not is_loopback(host):
        raise ConsoleRefused(
            f"the console will not open on {host} to whoever comes: give it users "
            "(`leveret console user NAME` makes one for LEVERET_CONSOLE_USERS), or let it listen "
            "on 127.0.0.1",
        )
    return console(Plan(settings=settings, registry=registry, users=users, host=host))


async def serve(
    settings: Settings,
    registry: Registry,
    stop: asyncio.Event,
    told: Callable[[str], None],
) -> None:
    """Serve until told to stop; `told` hears the address."""
    host = settings.console_host
    app = opened(settings, registry, host=host)
    async with Server(app, host=host, port=settings.console_port) as server:
        shown = f"[{host}]" if ":" in host else host
        told(f"http://{shown}:{server.port}/")
        await stop.wait()
