"""What a process has used so far, as its system counts it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.outcome import ProcessUse

if TYPE_CHECKING:
    from resource import struct_rusage

#: Linux counts a process's memory in KiB, macOS in bytes.
_MAXRSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024


class Spent(NamedTuple):
    """Since the start of the process: seconds of its processors, and the most memory it held.

    The memory is at least what the worker itself held when it started the process: Linux hands that
    figure on.
    """

    user: float = 0.0
    system: float = 0.0
    max_rss_bytes: int = 0

    @classmethod
    def of(cls, used: struct_rusage) -> Spent:
        """Return it in our units."""
        return cls(used.ru_utime, used.ru_stime, used.ru_maxrss * _MAXRSS_UNIT)

    def plus(self, other: Spent) -> Spent:
        """Return what two processes used."""
        memory = max(self.max_rss_bytes, other.max_rss_bytes)
        return Spent(self.user + other.user, self.system + other.system, memory)

    def since(self, before: Spent, seconds: float, signal: str = "") -> ProcessUse:
        """Return what was used since then, in so many seconds of the clock."""
        return ProcessUse(
            round(seconds, 3),
            round(max(0.0, self.user - before.user), 3),
            round(max(0.0, self.system - before.system), 3),
            self.max_rss_bytes,
            signal,
        )
