"""How long things take, as a histogram that costs one addition a time."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import Final

#: Seconds: from the quickest processor to the longest time limit.
BUCKETS: Final = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
)


class Durations:
    """A histogram of seconds."""

    __slots__ = ("_counts", "_sum")

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(BUCKETS, seconds)] += 1
        self._sum += seconds

    @property
    def counts(self) -> list[int]:
        """How many were in each bucket, the last one beyond all bounds."""
        return self._counts

    def buckets(self) -> tuple[list[tuple[str, float]], float]:
        """Return the cumulated counts by upper bound, and the sum."""
        bounds = [*map(str, BUCKETS), "+Inf"]
        return list(zip(bounds, map(float, accumulate(self._counts)), strict=True)), self._sum
