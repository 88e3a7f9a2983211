"""A task that is to end does, also where its cancellation gets lost, as in the AMQP library."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from workers.link.cancelling import cancelled
from workers.link.ending import stirred
from workers.link.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable


async def _loses_one() -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def test_a_line_that_lost_its_cancellation_stops_before_it_waits_again() -> None:
    """Nobody would cancel it a second time in the bound of this test."""
    ended = False

    async def live(begun: Callable[[], None]) -> None:
        nonlocal ended
        begun()
        try:
            await _loses_one()
            await stirred(asyncio.Event(), 3_600)
        finally:
            ended = True

    supervisor = Supervisor("testing", live, address="amqp://there")
    await supervisor.start(within=5)
    async with asyncio.timeout(5):
        await supervisor.stop()
    assert ended


async def test_a_task_that_heeds_nothing_is_told_again() -> None:
    """Whoever stops it does not wait for ever."""

    async def stubborn() -> None:
        for _ in range(3):
            await _loses_one()

    task = asyncio.create_task(stubborn())
    async with asyncio.timeout(5):
        await cancelled(task, again_after=0.01)
    assert task.done()
