"""The console on a worker's own port, where the settings want it."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp

    from workers.registry import Registry
    from workers.settings import Settings

log = logging.getLogger("leveret.console")


@asynccontextmanager
async def beside(
    settings: Settings, registry: Registry, modules: tuple[str, ...] = ()
) -> AsyncIterator[ASGIApp | None]:
    """Lend the console, or None where it is off; raises ConsoleRefused where it may not open."""
    if not settings.console:
        yield None
        return
    # A worker without a console does not carry its templates about.
    from workers.console.serve import opened  # noqa: PLC0415 - see above

    async with opened(settings, registry, host=settings.http_host, modules=modules) as app:
        log.info("the console is open on the port of the metrics")
        yield app
