"""Notices that the loop stood still for so long that the broker may have given the connection up.

A processor that never awaits holds up the whole process, heartbeats too. Nobody can look on
meanwhile, so it is told afterwards: by the time between two turns that should be a second apart.
"""

from __future__ import annotations

import logging
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("leveret.crashes")

#: Seconds after a standstill in which what comes again is done alone.
CAREFUL_FOR: Final = 600.0


class Standstill:
    """Knows when the loop stood still for more than `longest` seconds."""

    def __init__(self, longest: float = inf, clock: Callable[[], float] = monotonic) -> None:
        self._longest = longest
        self._clock = clock
        self._turned = clock()
        self._ended = -inf

    def begin(self) -> None:
        """Begin to look; nothing before counts."""
        self._turned = self._clock()

    def turned(self) -> float:
        """Note that the loop turns, and return when; to be called each second at the least."""
        now = self._clock()
        stood, self._turned = now - self._turned, now
        if stood > self._longest:
            self._ended = now
            log.warning(
                "the loop stood still for %.0f s, as a processor does that waits or computes "
                'without an await: use executor="process" or asyncio.to_thread; if the connection '
                "is lost for it, what comes again is done one at a time, to find the one",
                stood,
            )
        return now

    @property
    def was_lately(self) -> bool:
        """Whether the loop stood still not long ago."""
        return self._clock() - self._ended < CAREFUL_FOR

    def since(self, moment: float) -> bool:
        """Return whether it stood still after a moment, which `turned` returned."""
        self.turned()
        return self._ended > moment
