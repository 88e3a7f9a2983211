"""The newest letters of any number, in memory for as many as are wanted."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers.deadletters.letter import Summary


class Newest:
    """Keeps the `limit` latest letters it is shown, or all with a limit of 0."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        #: When each failed, its place in the queue (later is newer), and the letter.
        self._heap: list[tuple[str, int, Summary]] = []
        #: How many were shown.
        self.count = 0

    def add(self, letter: Summary) -> None:
        """Consider a letter."""
        self.count += 1
        row = (letter.failed_at or "", self.count, letter)
        if not self._limit or len(self._heap) < self._limit:
            heapq.heappush(self._heap, row)
        else:
            heapq.heappushpop(self._heap, row)

    def first(self) -> tuple[Summary, ...]:
        """Return what is kept, newest first."""
        return tuple(letter for _, _, letter in sorted(self._heap, reverse=True))
