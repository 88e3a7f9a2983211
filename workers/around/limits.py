"""How long, how many at once and how often: what bounds a processor while it runs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from workers.registry import Limits, Route


class TimeLimit:
    """Cancels a runner's task when an attempt outlives its time.

    One per runner. Starting and stopping it costs an assignment, because the timer is not moved
    for each message: when it goes off too early it is set again for what is then due.
    """

    __slots__ = ("_due", "_loop", "_task", "_timer", "_timer_due", "leaving", "passed", "route")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task: asyncio.Task[Any] | None = None
        self._due = inf
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = inf
        #: The attempt was cancelled because its time was over.
        self.passed = False
        #: The worker is leaving: a cancellation gives the message back.
        self.leaving = False
        #: What the runner is at, or was last.
        self.route: Route | None = None

    def guard(self, task: asyncio.Task[Any]) -> None:
        """Name the task to cancel."""
        self._task = task

    def start(self, seconds: float) -> None:
        """Give the attempt that begins now this long, in monotonic seconds."""
        self.passed = False
        self._due = due = self._loop.time() + seconds
        if due < self._timer_due:
            self._set(due)

    def stop(self) -> None:
        """End the attempt; takes back a cancellation that came too late to be noticed."""
        self._due = inf
        if self.passed and self._task is not None:
            self._task.uncancel()

    @property
    def disturbed(self) -> bool:
        """Whether the task is cancelled, and not by us: it cancelled itself."""
        return self._task is not None and self._task.cancelling() > 0 and not self.leaving

    async def shed(self) -> None:
        """Take back what the processor's own code cancelled: the task has other messages to do."""
        assert self._task is not None  # noqa: S101 - disturbed
        while self._task.cancelling():
            self._task.uncancel()
        # One that it did not wait for would else strike at the next wait of ours.
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)

    def leave(self) -> None:
        """Say that the worker is leaving, and stop the clock."""
        self.leaving = True
        self._due = inf
        if self._timer is not None:
            self._timer.cancel()

    def _set(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._ring)
        self._timer_due = due

    def _ring(self) -> None:
        self._timer = None
        self._timer_due = inf
        if self._due == inf:
            return
        if self._loop.time() < self._due:
            self._set(self._due)
        elif self._task is not None:
            self.passed = True
            self._due = inf
            self._task.cancel()


class Gate:
    """Lets in so many attempts at once, and so many a second; the rest wait outside."""

    def __init__(self, limits: Limits) -> None:
        self._slots = asyncio.Semaphore(limits.concurrency) if limits.concurrency else None
        self._apart = 1 / limits.rate if limits.rate else 0.0
        self._next_start = 0.0

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Wait for a place and for one's turn, and leave the place at the end."""
        if self._slots is None:
            await self._turn()
            yield
            return
        async with self._slots:
            await self._turn()
            yield

    async def _turn(self) -> None:
        if not self._apart:
            return
        now = asyncio.get_running_loop().time()
        start = max(now, self._next_start)
        self._next_start = start + self._apart
        if start > now:
            await asyncio.sleep(start - now)
