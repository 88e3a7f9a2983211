"""Actions that go on whether or not anybody looks: one at a time for each group."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from workers.console.live import Listeners
from workers.link.supervisor import LinkError

if TYPE_CHECKING:
    from workers.deadletters import Progress, Running

log = logging.getLogger("leveret.console")

#: What people are told of an end that nobody foresaw; whoever awaits the task has the rest.
_BROKEN: Final = (
    "it ended in a way that nobody foresaw; this console's log says more. What the broker "
    "confirmed is noted in the history, everything else is still a dead letter"
)
#: Runs whose pages can still be opened; the history has the rest.
MOST: Final = 500
#: Seconds for runs to stop between two letters when the console leaves.
LEAVE_WITHIN: Final = 10.0


@dataclass(slots=True, eq=False)
class Run:
    """One action, going on or over."""

    running: Running
    group: str
    listeners: Listeners = field(default_factory=Listeners)
    #: Why it could not even begin; empty if it did.
    trouble: str = ""
    over: bool = False

    @property
    def id(self) -> str:
        """What the history calls it too."""
        return self.running.action.run

    @property
    def address(self) -> str:
        """The page's path."""
        return f"/runs/{self.id}"

    @property
    def progress(self) -> Progress:
        """How it goes."""
        return self.running.progress


class Runs:
    """All runs of this console."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    def turn(self, group: str) -> asyncio.Lock:
        """Return the lock to hold from looking whether a run goes on until one is begun."""
        return self._turns.setdefault(group, asyncio.Lock())

    def find(self, run: str) -> Run | None:
        """Return a run, or None."""
        return self._runs.get(run)

    def going_on(self, group: str) -> Run | None:
        """Return the group's run that is not over, or None."""
        return next(
            (one for one in self._runs.values() if one.group == group and not one.over), None
        )

    def begin(self, running: Running, group: str) -> Run:
        """Have it done, whoever looks."""
        run = Run(running, group)
        self._runs[run.id] = run
        over = [one.id for one in self._runs.values() if one.over]
        for forgotten in over[: max(0, len(self._runs) - MOST)]:  # one that goes on can be stopped
            del self._runs[forgotten]
        task = asyncio.create_task(self._go(run), name=f"run {run.id}")
        task.add_done_callback(_logged)
        self._tasks[run.id] = task
        return run

    async def leave(self) -> None:
        """Stop them all between two letters; what is left stays a dead letter."""
        for run in self._runs.values():
            if not run.over:
                run.running.stop("the console, which left")
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=LEAVE_WITHIN)

    async def _go(self, run: Run) -> None:
        action = run.running.action
        log.info("%s begins %s %s of %s", action.who, action.verb.value, run.id, run.group)
        try:
            async for _ in run.running:
                run.listeners.wake()
        except LinkError as error:
            run.trouble = str(error)
        finally:
            if run.progress.ending is None and not run.trouble:
                run.trouble = _BROKEN
            run.over = True
            run.listeners.wake()
            self._tasks.pop(run.id, None)


def _logged(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s ended in an error that nobody foresaw", task.get_name(), exc_info=error)
