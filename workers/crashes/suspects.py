"""What may have died with a process before is noted, done alone, or ended `crash_loop`."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from workers.crashes.notes import key_of
from workers.crashes.solitude import Solitude
from workers.crashes.standstill import Standstill
from workers.headers import delivered
from workers.outcome import Requeued

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from contextlib import AbstractContextManager

    from workers.around.limits import TimeLimit
    from workers.crashes.notes import Notes
    from workers.endings import Endings
    from workers.outcome import Delivery, Outcome
    from workers.request import Request

#: Proven unfinished starts that convict: three with the first one, which is never noted.
CONVICTS: Final = 2
#: Deliveries counted by the broker after which one that shared its prefetch with culprits is sent
#: anew: half of the limit, at which the broker would dead-letter it.
SHARED: Final = 10
#: Messages remembered that held up the loop while they were alone.
MOST_HELD_UP: Final = 1_000


class CrashGuard:
    """Knows which deliveries died with their process, for which it needs notes, or held it up."""

    def __init__(self, notes: Notes | None = None, standstill: Standstill | None = None) -> None:
        self._notes = notes
        self.solitude = Solitude()
        self.standstill = standstill or Standstill()
        self._held_up: OrderedDict[str, None] = OrderedDict()

    def evidence(self, delivery: Delivery) -> int:
        """Return how many processes of this machine died with it or stood still, each once."""
        key = key_of(delivery)
        held_up = key in self._held_up
        self._held_up.pop(key, None)
        return held_up + (0 if self._notes is None else self._notes.evidence(key))

    @property
    def finds_culprits(self) -> bool:
        """Whether what kills or holds up workers here is found out, sooner than the broker would.

        Where evidence does not outlive a process, the broker's delivery limit must do it.
        """
        return self.standstill.was_lately or (self._notes is not None and self._notes.outlive)

    @contextmanager
    def alone(self, delivery: Delivery) -> Iterator[None]:
        """Leave evidence behind if the process dies in the block, or stands still."""
        began = self.standstill.turned()
        with self.noted(delivery):
            try:
                yield
            finally:
                if self.standstill.since(began):
                    self._held_up[key_of(delivery)] = None
                    if len(self._held_up) > MOST_HELD_UP:
                        self._held_up.popitem(last=False)

    def noted(self, delivery: Delivery) -> AbstractContextManager[None]:
        """Leave a note behind if the process dies in the block."""
        return nullcontext() if self._notes is None else self._notes.noted(key_of(delivery))

    def close(self) -> None:
        """Take the notes away: the process leaves alive."""
        if self._notes is not None:
            self._notes.close()


class Suspects:
    """Handles what may have died with a process before."""

    def __init__(self, guard: CrashGuard, endings: Endings) -> None:
        self._guard = guard
        self._endings = endings

    async def handle(
        self,
        request: Request,
        facts: Callable[[], Request],
        work: Coroutine[object, object, Outcome],
        limit: TimeLimit,
    ) -> Outcome:
        """Do the work noted, and alone where there is proof; or end the message.

        `facts` reads the message, to tell its asker.
        """
        guard, delivery = self._guard, request.delivery
        found = guard.evidence(delivery)
        starts = request.past.starts + found if request.past.starts else min(found, 1)
        if found and starts < CONVICTS:
            work.close()
            return self._endings.suspected(request, starts)
        if starts >= CONVICTS:
            work.close()
            with guard.noted(delivery):
                # Beyond that it may be the reading that kills: then nobody is told but operators.
                known = facts() if starts == CONVICTS else request
                return self._endings.crash_looped(known, starts)
        if delivered(delivery) >= SHARED and guard.finds_culprits:
            work.close()
            return self._endings.spared(request)
        careful = guard.standstill.was_lately
        if not starts and not careful:
            with guard.noted(delivery):
                return await work
        try:
            async with guard.solitude.alone(delivery):
                # Not before: one suspect's death would be proof against those that wait for it.
                with guard.alone(delivery):
                    return await work
        except asyncio.CancelledError:
            work.close()
            if not limit.leaving:
                raise
            return Requeued(request.subject, "the worker is leaving")
