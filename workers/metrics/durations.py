"""How long things take, as a histogram that costs one addition a time."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from time import time
from typing import Final, TypeAlias

from prometheus_client.samples import Exemplar

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

#: An upper bound, how many took at most that long, and one of them as an example.
Bucket: TypeAlias = tuple[str, float] | tuple[str, float, Exemplar]


class Durations:
    """A histogram of seconds."""

    __slots__ = ("_counts", "_exemplars", "_sum")

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS) + 1)
        self._exemplars: dict[int, Exemplar] = {}
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(BUCKETS, seconds)] += 1
        self._sum += seconds

    def exemplify(self, seconds: float, trace_id: str) -> None:
        """Keep the trace of one duration as the example of its bucket."""
        labels = {"trace_id": trace_id}
        self._exemplars[bisect_left(BUCKETS, seconds)] = Exemplar(labels, seconds, time())

    @property
    def counts(self) -> list[int]:
        """How many were in each bucket, the last one beyond all bounds."""
        return self._counts

    def buckets(self) -> tuple[list[Bucket], float]:
        """Return the cumulated counts by upper bound, with examples, and the sum."""
        bounds = [*map(str, BUCKETS), "+Inf"]
        told: list[Bucket] = []
        for place, (bound, count) in enumerate(zip(bounds, accumulate(self._counts), strict=True)):
            example = self._exemplars.get(place)
            told.append((bound, count) if example is None else (bound, count, example))
        return told, self._sum
