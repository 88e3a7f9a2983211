"""How fast letters are sent again: slowly at first, twice as fast each second, up to the rate.

Pure: the clock is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Letters a second at the beginning of a ramp.
FIRST_RATE: Final = 5.0
#: Letters a second where nobody says.
DEFAULT_RATE: Final = 100.0
#: Seconds for which a canary is waited for at most; what becomes of a quick task is known at once.
CANARY_WAIT: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How carefully to replay."""

    #: Letters a second, at most; 0 is as fast as the broker takes them, without a ramp.
    rate: float = DEFAULT_RATE
    #: Whether the first letter of each fingerprint goes alone, to see what becomes of it.
    canary: bool = True
    #: Seconds to wait at most until it is known what became of a letter.
    wait: float = CANARY_WAIT
    #: Letters of one fingerprint that may come back before the rest of it stays.
    tolerated: int = 0


class Ramp:
    """Says when the next letter may go; times in monotonic seconds."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._began = now
        self._next = now

    def allowed(self, now: float) -> float:
        """Return the letters a second that are allowed by now; infinite without a rate."""
        if not self._rate:
            return float("inf")
        seconds = min(now - self._began, 60.0)  # far beyond any rate, and no overflow
        return float(min(self._rate, FIRST_RATE * 2.0**seconds))

    def wait(self, now: float) -> float:
        """Return the seconds until the next letter may go, and count it as gone."""
        pause = max(0.0, self._next - now)
        rate = self.allowed(now)
        self._next = max(self._next, now) + (1.0 / rate if rate else 0.0)
        return pause
