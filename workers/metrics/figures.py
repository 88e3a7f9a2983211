"""A replica's counters as they travel in its heartbeats, and what can be reckoned from them.

Nobody has to scrape a worker to see what it does: `leveret top` and the console read these. The
histogram is compact: only the buckets that hold something are told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers.metrics.durations import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Counters that only grow in the life of a replica.
COUNTERS: Final = (
    "received",
    "replied",
    "dead_lettered",
    "retried",
    "expired",
    "requeued",
    "redelivered",
    "undeliverable",
)
#: Deliveries with a replica now, settled or not begun.
IN_FLIGHT: Final = "in_flight"
#: Before the upper bound of a bucket, in seconds: how many took longer than the one below it; to be
#: handled, and from when they were sent until they were done.
SECONDS: Final = "seconds_upto_"
AGE: Final = "age_upto_"
_BOUNDS: Final = (*map(str, BUCKETS), "inf")


def histogram(counts: Sequence[int], kind: str = SECONDS) -> dict[str, float]:
    """Return a histogram's buckets as figures; `counts` is a number for each bound, and beyond."""
    return {
        f"{kind}{bound}": float(count)
        for bound, count in zip(_BOUNDS, counts, strict=True)
        if count
    }


def counts(figures: Mapping[str, float], kind: str = SECONDS) -> list[float]:
    """Return how many were in each bucket, the last one beyond all bounds."""
    return [figures.get(f"{kind}{bound}", 0.0) for bound in _BOUNDS]


def grown(now: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """Return by how much each figure has grown, never below 0: a replica may have begun anew."""
    return {name: max(0.0, value - before.get(name, 0.0)) for name, value in now.items()}


def together(replicas: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the figures of several replicas as one."""
    names = dict.fromkeys(name for figures in replicas for name in figures)
    return {name: sum(figures.get(name, 0.0) for figures in replicas) for name in names}


def quantile(share: float, figures: Mapping[str, float], kind: str = SECONDS) -> float | None:
    """Return the seconds within which this share was done, as the bound of a bucket; None of none.

    Beyond the last bound that bound is told: it is at least that.
    """
    found = counts(figures, kind)
    wanted = share * sum(found)
    reached = 0.0
    for bound, count in zip((*BUCKETS, BUCKETS[-1]), found, strict=True):
        reached += count
        if count and reached >= wanted:
            return bound
    return None
