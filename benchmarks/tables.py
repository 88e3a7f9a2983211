"""How speed depends on one thing at a time: a JSON line a contender and value.

    python benchmarks/tables.py prefetch|body|depth|load|processes|bad|inbox|sleeper …
        [--rounds N] [--value ROW]

The same measurement as `peers.py`, on quorum queues, with one circumstance changed. What others do
not have (several processes, dead letters, an inbox) is measured for leveret alone. `load` is about
waiting: round trips while everybody is sent the same number of messages a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from message import task
from peers import available
from stage import Measured, Round, Stage
from trips import Latency

if TYPE_CHECKING:
    from argparse import Namespace

#: Who is compared where all can be; the framework most asked about, the fastest peers, the limit.
RIVALS: Final = ("leveret", "faststream", "aiormq", "pika", "c")
ALONE: Final = ("leveret",)
#: Messages a second that everybody is sent, by who keeps up with them, and for how many seconds.
LOADS: Final = {
    400: (
        "leveret",
        "faststream",
        "taskiq",
        "celery",
        "dramatiq",
        "aio-pika",
        "aiormq",
        "pika",
        "c",
    ),
    1_500: ("leveret", "aio-pika", "aiormq", "pika", "c"),
}
LOAD_SECONDS: Final = 5
#: Tasks in a queue, where its depth is not what is varied.
COUNT: Final = 20_000
#: Of a hundred tasks, those that sleep.
SLEEPERS: Final = 2


def good(count: int) -> Iterator[bytes]:
    """Yield tasks of 600 bytes."""
    return (task() for _ in range(count))


@dataclass(frozen=True, slots=True)
class Case:
    """One value of what is varied."""

    value: str
    round: Round = field(default_factory=Round)
    bodies: Callable[[int], Iterable[bytes]] = good
    #: Tasks in the queue, and how many answers are waited for.
    depth: int = COUNT
    count: int = COUNT


def _sized(size: int) -> Case:
    few = max(400, min(COUNT, 60_000_000 // size))
    return Case(
        f"{size / 1000:g} kB",
        bodies=lambda count: (task(size) for _ in range(count)),
        depth=few,
        count=few,
    )


def _prefetch(prefetch: int) -> Case:
    few = min(COUNT, 2_000 * prefetch)  # one by one, the slowest peer does 300 a second
    return Case(str(prefetch), Round(prefetch=prefetch), depth=few, count=few)


def _bad(percent: int) -> Case:
    def bodies(count: int) -> Iterator[bytes]:
        return (task(bad=n % 100 < percent) for n in range(count))

    return Case(f"{percent} %", bodies=bodies)


def _sleeping(percent: int) -> Case:
    def bodies(count: int) -> Iterator[bytes]:
        for n in range(count):
            yield task(task_type="bench_sleep" if n % 100 < percent else "echo")

    return Case(f"{percent} %", bodies=bodies, depth=COUNT // 4, count=COUNT // 4)


def _inbox(kind: str) -> Case:
    place = Path(tempfile.mkdtemp(prefix="leveret-bench-")) / "inbox.db"
    url = f"sqlite:///{place}" if kind == "sqlite" else "none"
    return Case(kind, Round(settings={"LEVERET_INBOX": url}))


AXES: Final[dict[str, tuple[tuple[str, ...], Callable[[], list[Case]]]]] = {
    "prefetch": (
        RIVALS,
        lambda: [_prefetch(n) for n in (1, 10, 50, 200, 1_000)],
    ),
    "body": (RIVALS, lambda: [_sized(n) for n in (600, 10_000, 100_000, 1_000_000)]),
    "depth": (
        ("leveret", "pika", "c"),
        lambda: [Case(f"{n:,}", depth=n, count=10_000) for n in (10_000, 100_000, 1_000_000)],
    ),
    "processes": (ALONE, lambda: [Case(str(n), Round(processes=n)) for n in (1, 2, 4)]),
    "bad": (ALONE, lambda: [_bad(n) for n in (0, 1, 10, 100)]),
    "inbox": (ALONE, lambda: [_inbox(kind) for kind in ("none", "sqlite")]),
    "sleeper": (ALONE, lambda: [_sleeping(n) for n in (0, SLEEPERS)]),
}


async def wait(stage: Stage, rounds: int) -> None:
    """Measure round trips under each load, the contenders taking turns, and print the medians."""
    for load, names in LOADS.items():
        contenders = available(list(names))
        measured: dict[str, list[Latency]] = {one.name: [] for one in contenders}
        for number in range(rounds):
            for one in contenders:
                bodies = [task() for _ in range(load * LOAD_SECONDS)]
                result = await stage.latency(one, Round(), bodies, rate=load)
                measured[one.name].append(result)
                print(f"load {load} {number + 1} {one.name}: {result}", file=sys.stderr)
        for one in contenders:
            print(waited(load, one.name, measured[one.name]), flush=True)


def waited(load: int, name: str, measured: list[Latency]) -> str:
    """Return a row: medians of the rounds, and the best and worst 99th percentile."""
    usual = Latency.median(measured)
    return json.dumps(
        {
            "axis": "load",
            "value": f"{load:,}/s",
            "contender": name,
            "p50_ms": round(usual.p50, 2),
            "p99_ms": round(usual.p99, 2),
            "p999_ms": round(usual.p999, 2),
            "least_p99_ms": round(min(m.p99 for m in measured), 2),
            "most_p99_ms": round(max(m.p99 for m in measured), 2),
        },
    )


async def vary(stage: Stage, axis: str, rounds: int, value: str | None) -> None:
    """Measure every case, or one, the contenders taking turns, and print the medians."""
    names, cases = AXES[axis]
    contenders = available(list(names))
    for case in cases():
        if value not in {None, case.value}:
            continue
        measured: dict[str, list[Measured]] = {one.name: [] for one in contenders}
        for number in range(rounds):
            for one in contenders:
                bodies = case.bodies(case.depth)
                result = await stage.throughput(one, case.round, bodies, count=case.count)
                measured[one.name].append(result)
                print(f"{axis} {case.value} {number + 1} {one.name}: {result}", file=sys.stderr)
        for one in contenders:
            print(line(axis, case, one.name, measured[one.name]), flush=True)


def line(axis: str, case: Case, name: str, measured: list[Measured]) -> str:
    """Return a row."""
    return json.dumps(
        {
            "axis": axis,
            "value": case.value,
            "contender": name,
            "messages_per_second": round(median(m.messages_per_second for m in measured)),
            "cpu_us_per_message": round(median(m.cpu_us_per_message for m in measured), 1),
            "rss_mb": round(max(m.rss_mb for m in measured), 1),
            "slowest": round(min(m.messages_per_second for m in measured)),
            "fastest": round(max(m.messages_per_second for m in measured)),
        },
    )


def arguments() -> Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "axes", nargs="*", choices=[*AXES, "load", []], help="by default all of them"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--value", help="one row only, by its first column as it is printed")
    return parser.parse_args()


def main() -> None:
    """Measure."""
    given = arguments()
    stage = Stage()
    try:
        for axis in given.axes or (*AXES, "load"):
            if axis == "load":
                asyncio.run(wait(stage, given.rounds))
            else:
                asyncio.run(vary(stage, axis, given.rounds, given.value))
    finally:
        stage.close()


if __name__ == "__main__":
    main()
