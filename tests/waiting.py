"""Waiting for what must come true, with a bound that a busy machine can hold."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

#: Seconds a condition may take to come true on a busy machine.
PATIENCE: Final = 15.0


async def eventually(condition: Callable[[], object], *, within: float = PATIENCE) -> None:
    """Return when the condition holds; fails after `within` seconds."""

    async def holds() -> object:
        return condition()

    await until(holds, pause=0.01, within=within)


async def until(
    condition: Callable[[], Awaitable[T]], *, pause: float = 0.05, within: float = PATIENCE
) -> T:
    """Return what an awaited condition tells once that is true, asked again after each pause."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while not (told := await condition()):
        assert loop.time() < end, f"did not come true within {within:g} s"
        await asyncio.sleep(pause)
    return told


async def turn() -> None:
    """Return when all that the loop was asked to do soon, it has done."""
    done = asyncio.Event()
    asyncio.get_running_loop().call_soon(done.set)
    await done.wait()
