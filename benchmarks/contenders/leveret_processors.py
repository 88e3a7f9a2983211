"""Leveret's processors for the benchmarks: the example `echo`, and one that sleeps a second."""

from __future__ import annotations

import asyncio

from examples.echo import Anything, registry
from workers import Context

__all__ = ["registry"]


@registry.task("bench_sleep", parameters=Anything)
async def bench_sleep(_parameters: Anything, _context: Context) -> dict[str, object]:
    """Wait a second for something slow."""
    await asyncio.sleep(1)
    return {}
