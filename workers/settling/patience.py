"""How long answers wait for room in a full queue, so that one asker costs the others little. Pure.

An answer that waits holds a place in the prefetch. One asker that reads nothing and has asked for
much would fill it all, again and again; so its queue is waited for once, not for each answer, and
never by more answers than half of the prefetch.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

#: Times an answer is offered to a queue that refuses it, in about 4 s.
ANSWER_TRIES: Final = 5
#: Seconds a queue may refuse everything before it is offered each further answer just once.
PATIENCE: Final = 4.0
#: Seconds without a refusal after which a queue is as good as any other.
FORGOTTEN: Final = 60.0
#: Addresses remembered; whoever asks may invent as many as it likes.
MOST_ADDRESSES: Final = 1_024


class _Refusing(NamedTuple):
    """A queue that takes nothing: seconds of its first and its latest refusal."""

    since: float
    latest: float


class Patience:
    """Remembers which addresses refuse answers, and counts the answers that wait for room."""

    def __init__(self, prefetch: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = max(1, prefetch // 2)
        self._clock = clock
        self._waiting = 0
        #: Exchange and routing key → since when. Empty while nobody refuses anything.
        self.refusing: dict[tuple[str, str], _Refusing] = {}

    def refused(self, address: tuple[str, str], tries: int) -> bool:
        """Return whether to offer the answer again, after a wait that ends with `waited`."""
        now = self._clock()
        known = self.refusing.pop(address, None)
        if known is None or now - known.latest > FORGOTTEN:
            known = _Refusing(now, now)
        if len(self.refusing) >= MOST_ADDRESSES:
            del self.refusing[next(iter(self.refusing))]  # the one that is silent the longest
        self.refusing[address] = known._replace(latest=now)
        if tries >= ANSWER_TRIES or now - known.since > PATIENCE or self._waiting >= self._most:
            return False
        self._waiting += 1
        return True

    def waited(self) -> None:
        """Note that an answer waits no longer."""
        self._waiting -= 1

    def took(self, address: tuple[str, str]) -> None:
        """Trust a queue again that has room."""
        self.refusing.pop(address, None)
