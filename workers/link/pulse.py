"""Whether anything still comes on a line: a broker that has nothing to say sends heartbeats.

A line can be cut without a word - a firewall that forgot it, a host that lost its power - and both
ends believe in it for as long as they like. aiormq gives it up after three heartbeats and some; we
do after two, which is when the broker, too, gives us up.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds between looks.
LOOK_EVERY: Final = 1.0
#: Heartbeat intervals without a byte after which a line is dead; the broker sends in each of them.
MOST_MISSED: Final = 2


class Pulse:
    """Tells once when nothing has come for too long.

    Silence is counted in looks, not by the clock: a process that was frozen, or a loop that was
    held up, did not listen meanwhile, and what came then is read before the next look.
    """

    def __init__(self) -> None:
        #: Set by whoever reads the line, with each read.
        self.felt = False
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, heartbeat: int, gone: Callable[[], None]) -> None:
        """Have `gone` called after two heartbeat intervals (seconds) without a byte; 0 is never."""
        if heartbeat:
            self._look(MOST_MISSED * heartbeat, 0.0, gone)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, most: float, silent: float, gone: Callable[[], None]) -> None:
        silent = 0.0 if self.felt else silent
        self.felt = False
        if silent >= most:
            gone()
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LOOK_EVERY, self._look, most, silent + LOOK_EVERY, gone)
