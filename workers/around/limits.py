"""How long, how many at once and how often: what bounds a processor while it runs."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager, nullcontext, suppress
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

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


class Unwanted(Exception):
    """Nobody waits any more for what an attempt would bring."""


class Gate:
    """Lets in so many attempts at once, and so many a second; the rest wait outside."""

    def __init__(self, limits: Limits) -> None:
        self._slots = asyncio.Semaphore(limits.concurrency) if limits.concurrency else None
        self._turns = _Turns(limits.rate) if limits.rate else None

    @asynccontextmanager
    async def enter(self, is_wanted: Callable[[], bool]) -> AsyncIterator[None]:
        """Wait for a place and for one's turn, and leave the place at the end.

        Raises Unwanted, and takes no turn from anybody, where it is not wanted any more by then.
        """
        async with self._slots or nullcontext():
            if not is_wanted() or (self._turns and not await self._turns.come(is_wanted)):
                raise Unwanted
            yield


class _Waiting(NamedTuple):
    """Who waits for a turn."""

    came: float
    is_wanted: Callable[[], bool]
    #: Whether it has its turn, or never will.
    told: asyncio.Future[bool]


class _Turns:
    """Gives out so many turns a second, in the order they are asked for.

    A turn is given when it has come, not before: those of attempts that are not wanted any more
    would hold up the others for as long as the attempts themselves.
    """

    def __init__(self, rate: float) -> None:
        self._apart = 1 / rate
        self._next_start = 0.0
        self._waiting: deque[_Waiting] = deque()

    async def come(self, is_wanted: Callable[[], bool]) -> bool:
        """Return at one's turn; False when nobody wanted it by then."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._waiting and now >= self._next_start:
            self._next_start = now + self._apart
            return True
        waiting = _Waiting(now, is_wanted, loop.create_future())
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            loop.call_at(self._next_start, self._give)
        return await waiting.told

    def _give(self) -> None:
        """Give all turns that have come by now."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._waiting:
            came, is_wanted, told = self._waiting[0]
            if not told.done():
                wanted = is_wanted()
                # What the loop is late with is made up for, unless nobody was here to come in.
                start = max(came, self._next_start)
                if wanted and start > now:
                    loop.call_at(start, self._give)
                    return
                if wanted:
                    self._next_start = start + self._apart
                told.set_result(wanted)
            self._waiting.popleft()
