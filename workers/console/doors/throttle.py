"""How often somebody may try a password."""

from __future__ import annotations

from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: Failures that are forgiven before a wait.
FORGIVEN: Final = 5
#: Seconds of the first wait, doubled with each further failure up to the longest.
FIRST_WAIT: Final = 2.0
LONGEST_WAIT: Final = 300.0
#: Seconds without a failure after which all is forgotten.
FORGOTTEN: Final = 900.0
#: Addresses and names remembered; the oldest goes.
MOST: Final = 10_000


class Throttle:
    """Counts failures by whatever key it is given: an address, a name."""

    def __init__(self, *, clock: Callable[[], float] = monotonic, forgiven: int = FORGIVEN) -> None:
        self._clock = clock
        self._forgiven = forgiven
        #: Failures, and when the last one was.
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, *keys: str) -> float:
        """Return for how many seconds none of these may try again; 0 is now."""
        return max(map(self._wait, keys))

    def failed(self, *keys: str) -> None:
        """Note a failure."""
        now = self._clock()
        for key in keys:
            count, last = self._failures.pop(key, (0, now))
            self._failures[key] = (count + 1 if now - last < FORGOTTEN else 1, now)
        while len(self._failures) > MOST:
            self._failures.popitem(last=False)

    def passed(self, *keys: str) -> None:
        """Forget the failures."""
        for key in keys:
            self._failures.pop(key, None)

    def _wait(self, key: str) -> float:
        count, last = self._failures.get(key, (0, 0.0))
        if count < self._forgiven:
            return 0.0
        pause = min(FIRST_WAIT * 2.0 ** min(count - self._forgiven, 16), LONGEST_WAIT)
        return max(0.0, last + pause - self._clock())
