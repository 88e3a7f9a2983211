"""How many replicas one machine should run, from how full they are. Pure; `overseeing` acts on it.

A queue waits only while every replica holds as much as it may: that is what "full" means here, and
the broker need not be asked. Growing is quick, for somebody waits; shrinking is slow, for a replica
that goes has to give back what it has not begun.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

#: Share of the prefetch that is taken when more would be if it could be: a tenth is kept free for
#: urgent messages, and some have just been settled.
FULL: Final = 0.75
#: Share that may be taken, at most, once there is one replica less.
CALM: Final = 0.5
#: Seconds that replicas must be full before there is one more: longer than a burst that they take
#: in their stride.
GROW_AFTER: Final = 3.0
#: Seconds that one less must have been enough before there is one less.
SHRINK_AFTER: Final = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Between how many replicas there may be, and how soon the number changes."""

    most: int
    least: int = 1
    grow_after: float = GROW_AFTER
    shrink_after: float = SHRINK_AFTER


class Load(NamedTuple):
    """One look at the replicas."""

    #: How many there should be, and how many answered.
    wanted: int
    answering: int
    #: Deliveries in all hands, of what all hands may hold.
    share: float


class Trend(NamedTuple):
    """Since when (seconds) it has been so at every look; None while it is not."""

    full_since: float | None = None
    calm_since: float | None = None


def decide(load: Load, trend: Trend, now: float, limits: Limits) -> tuple[int, Trend]:
    """Return how many replicas there should be, one more or less at most, and what to remember."""
    wanted = load.wanted
    if load.answering != wanted:
        return wanted, Trend()  # one is starting or leaving: first see what that brings
    full = load.share >= FULL and wanted < limits.most
    calm = wanted > limits.least and load.share * wanted <= CALM * (wanted - 1)
    trend = Trend(
        _since(trend.full_since, now) if full else None,
        _since(trend.calm_since, now) if calm else None,
    )
    if trend.full_since is not None and now - trend.full_since >= limits.grow_after:
        return wanted + 1, Trend()
    if trend.calm_since is not None and now - trend.calm_since >= limits.shrink_after:
        return wanted - 1, Trend()
    return wanted, trend


def _since(before: float | None, now: float) -> float:
    return now if before is None else before
