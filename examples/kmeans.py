"""k-means with k-means++ seeding, in plain Python: pure arithmetic, no messages, no clock.

The starting centres are drawn one by one, each point with a chance that grows with its squared
distance from the centres there are. Then points go to their nearest centre and centres to the mean
of their points, until nothing moves. Several starts are made and the best one is kept.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeAlias

Point: TypeAlias = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to cluster: `clusters` centres, `starts` seedings, at most `rounds` rounds for each."""

    clusters: int
    seed: int = 0
    starts: int = 4
    rounds: int = 100


@dataclass(frozen=True, slots=True)
class Clusters:
    """Centres ordered by their coordinates, and what lies around them.

    `labels` has the index of each point's centre. `inertia` is the sum of the squared distances of
    the points to their centres. `settled` says whether the last of the `rounds` moved nothing.
    """

    centres: tuple[Point, ...]
    labels: tuple[int, ...]
    inertia: float
    rounds: int
    settled: bool

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many points belong to each centre."""
        return tuple(self.labels.count(index) for index in range(len(self.centres)))


class Abandoned(Exception):
    """Nobody waits for the result any more."""


def cluster(points: Sequence[Point], plan: Plan, wanted: Callable[[], bool]) -> Clusters:
    """Return the best clustering of all starts: the one with the least inertia.

    The same points and plan give the same result. Needs at least as many points as clusters.
    `wanted` is asked before each round; when it says no, Abandoned is raised.
    """
    chance = random.Random(plan.seed)  # noqa: S311 - reproducible, not secret
    best: Clusters | None = None
    for _ in range(plan.starts):
        found = _settle(points, _seeds(points, plan.clusters, chance), plan.rounds, wanted)
        if best is None or found.inertia < best.inertia:
            best = found
    if best is None:
        raise ValueError("a plan needs at least one start")
    return _ordered(best)


def _seeds(points: Sequence[Point], clusters: int, chance: random.Random) -> list[Point]:
    centres = [chance.choice(points)]
    nearest = [_squared(point, centres[0]) for point in points]
    while len(centres) < clusters:
        # All points lie on a centre already: any of them does, and its cluster stays empty.
        weights = nearest if any(nearest) else None
        centres.append(chance.choices(points, weights)[0])
        nearest = [
            min(known, _squared(point, centres[-1]))
            for point, known in zip(points, nearest, strict=True)
        ]
    return centres


def _settle(
    points: Sequence[Point], centres: list[Point], rounds: int, wanted: Callable[[], bool]
) -> Clusters:
    labels: tuple[int, ...] = ()
    for done in range(1, rounds + 1):
        if not wanted():
            raise Abandoned
        before, labels = labels, tuple(_nearest(point, centres) for point in points)
        if labels == before:
            return Clusters(tuple(centres), labels, _inertia(points, labels, centres), done, True)
        centres = _means(points, labels, centres)
    return Clusters(tuple(centres), labels, _inertia(points, labels, centres), rounds, False)


def _nearest(point: Point, centres: Sequence[Point]) -> int:
    best, shortest = 0, inf
    for index, centre in enumerate(centres):
        distance = _squared(point, centre)
        if distance < shortest:
            best, shortest = index, distance
    return best


def _means(points: Sequence[Point], labels: Sequence[int], centres: list[Point]) -> list[Point]:
    members: list[list[Point]] = [[] for _ in centres]
    for point, label in zip(points, labels, strict=True):
        members[label].append(point)
    return [
        tuple(sum(axis) / len(group) for axis in zip(*group, strict=True)) if group else centre
        for group, centre in zip(members, centres, strict=True)
    ]


def _inertia(points: Sequence[Point], labels: Sequence[int], centres: Sequence[Point]) -> float:
    return sum(_squared(p, centres[label]) for p, label in zip(points, labels, strict=True))


def _ordered(found: Clusters) -> Clusters:
    """Return the same clusters in an order that does not depend on which seed came first."""
    order = sorted(range(len(found.centres)), key=lambda index: found.centres[index])
    place = {old: new for new, old in enumerate(order)}
    return Clusters(
        tuple(found.centres[index] for index in order),
        tuple(place[label] for label in found.labels),
        found.inertia,
        found.rounds,
        found.settled,
    )


def _squared(left: Point, right: Point) -> float:
    # A loop of multiplications: twice as quick as math.dist here, and no root is needed.
    total = 0.0
    for ours, theirs in zip(left, right, strict=True):
        apart = ours - theirs
        total += apart * apart
    return total
