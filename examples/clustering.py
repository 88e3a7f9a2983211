"""`data_processing`: finds the groups in a table of numbers, off the event loop.

The arithmetic runs in a thread. Honestly: pure Python holds the interpreter's lock while it counts,
so a thread does not make it quicker, and two of them take turns. What the thread gives is that the
event loop goes on: the interpreter hands the lock over every 5 ms, and other messages are answered
meanwhile, each a little later. Long work belongs into another process, as in `count_primes`.
"""

from __future__ import annotations

import asyncio
from threading import Event
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from examples.kmeans import Plan, cluster
from examples.shelf import find
from examples.table import read_table
from workers import Context, Registry, Reject

registry = Registry()

#: What `algorithm` may be.
ALGORITHMS: Final = ("kmeans",)
#: Rows times clusters times starts of one task: with twenty rounds, some fifteen seconds.
MOST_DISTANCES: Final = 1_000_000


class ClusteringParameters(BaseModel):
    """Which table, and how to look for groups in it.

    `columns` are the ones to use, all columns of numbers without it. The same `seed` gives the same
    answer; `starts` is how often k-means begins anew, to keep the best.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: Annotated[str, Field(min_length=1, max_length=200)]
    algorithm: Annotated[str, Field(min_length=1, max_length=50)]
    columns: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)] | None = None
    clusters: Annotated[int, Field(ge=1, le=50)] = 4
    seed: int = 0
    starts: Annotated[int, Field(ge=1, le=20)] = 4
    max_iterations: Annotated[int, Field(ge=1, le=1_000)] = 100


class Group(BaseModel):
    """One cluster: its centre, a coordinate for each column, and how many rows belong to it."""

    model_config = ConfigDict(frozen=True)

    centroid: tuple[float, ...]
    size: int


class Clustering(BaseModel):
    """The groups found, ordered by their centroids.

    `inertia` is the sum of squared distances of the rows to their centroids; `iterations` those of
    the best start, and `converged` whether it stopped because nothing moved any more.
    """

    model_config = ConfigDict(frozen=True)

    algorithm: str
    columns: tuple[str, ...]
    rows: int
    clusters: tuple[Group, ...]
    inertia: float
    iterations: int
    converged: bool


@registry.task("data_processing", parameters=ClusteringParameters, concurrency=2)
async def process_data(parameters: ClusteringParameters, _context: Context) -> Clustering:
    """Answer with the clusters of a table's rows; rejects what it does not have or know.

    A thread cannot be stopped from outside, so when the time limit or a drain ends this attempt the
    thread is told, and stops before its next round.
    """
    if parameters.algorithm not in ALGORITHMS:
        raise Reject(f"that algorithm is not known here; known are: {', '.join(ALGORITHMS)}")
    over = Event()
    try:
        return await asyncio.to_thread(_clustering, parameters, over)
    finally:
        over.set()


def _clustering(parameters: ClusteringParameters, over: Event) -> Clustering:
    table = read_table(find(parameters.dataset), parameters.columns)
    distances = len(table.rows) * parameters.clusters * parameters.starts
    if len(table.rows) < parameters.clusters:
        raise Reject(
            f"{parameters.clusters} clusters need as many rows; the table has {len(table.rows)}"
        )
    if distances > MOST_DISTANCES:
        raise Reject(
            f"rows x clusters x starts are {distances}, {MOST_DISTANCES} are taken; ask for less"
        )
    plan = Plan(
        clusters=parameters.clusters,
        seed=parameters.seed,
        starts=parameters.starts,
        rounds=parameters.max_iterations,
    )
    found = cluster(table.rows, plan, lambda: not over.is_set())
    return Clustering(
        algorithm=parameters.algorithm,
        columns=table.columns,
        rows=len(table.rows),
        clusters=tuple(
            Group(centroid=centre, size=size)
            for centre, size in zip(found.centres, found.sizes, strict=True)
        ),
        inertia=found.inertia,
        iterations=found.rounds,
        converged=found.settled,
    )
