"""Side by side: the same tasks for every contender, in one run, round by round.

    python benchmarks/peers.py [--quick] [--only NAME …] [--queue quorum|classic] [--rounds N]
        [--apart]

Each round fills a queue with `echo` tasks of about 600 bytes and starts one worker of each
contender in turn, first with the full queue, then with one task in flight, then at half load.
Python contenders validate with leveret's own models; everybody publishes the answer with a confirm
and acks then. Prints a JSON line a contender and queue type: medians over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from statistics import median
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contender import BARE, CONTENDERS, Contender, NotHere, Stand
from message import task
from stage import Measured, Round, Stage, add_apart
from trips import Latency

if TYPE_CHECKING:
    from argparse import Namespace

#: Tasks of the first look, which tells how many a contender does in the seconds of a round.
FIRST_LOOK: Final = 1_500
MOST: Final = 60_000
#: Round trips measured with one in flight, and how long the half load lasts.
ROUND_TRIPS: Final = 1_000
HALF_LOAD_SECONDS: Final = 3.0


def available(names: list[str]) -> list[Contender]:
    """Return the contenders that can be had here; says on stderr who cannot and why."""
    found = []
    for name in names:
        contender = CONTENDERS[name]
        try:
            contender.command(Stand("amqp://guest:guest@127.0.0.1:5672/", 1))
        except NotHere as missing:
            print(f"{name} is left out: it needs {missing}", file=sys.stderr)
        else:
            found.append(contender)
    return found


class Found(NamedTuple):
    """What one round found about a contender."""

    work: Measured
    #: Round trips with one in flight, and at half of what it had just done.
    alone: Latency
    busy: Latency


async def compare(stage: Stage, contenders: list[Contender], given: Namespace) -> None:
    """Run all rounds on each type of queue, and print a line a contender."""
    for queue_type in given.queue:
        round_ = Round(queue_type, prefetch=given.prefetch)
        counts: dict[str, int] = {}
        for one in contenders:
            look = await measure(stage, one, round_, FIRST_LOOK)
            counts[one.name] = int(min(max(look.messages_per_second * given.seconds, 1_000), MOST))
        found: dict[str, list[Found]] = {one.name: [] for one in contenders}
        for number in range(given.rounds):
            for one in contenders:
                work = await measure(stage, one, round_, counts[one.name])
                print(f"{queue_type} round {number + 1} {one.name}: {work}", file=sys.stderr)
                waits = await latencies(stage, one, round_, work.messages_per_second / 2, given)
                found[one.name].append(Found(work, *waits))
        for one in contenders:
            line = row(one, queue_type, found)
            print(told(line) if given.table else json.dumps(line), flush=True)


async def measure(stage: Stage, one: Contender, round_: Round, count: int) -> Measured:
    """Measure one contender once."""
    bodies = (task() for _ in range(count))
    return await stage.throughput(one, round_, bodies, count=count)


async def latencies(
    stage: Stage, one: Contender, round_: Round, rate: float, given: Namespace
) -> tuple[Latency, Latency]:
    """Measure round trips with one in flight, and at so many messages a second."""
    trips = ROUND_TRIPS // (4 if given.quick else 1)
    alone = await stage.latency(one, round_, [task() for _ in range(trips)])
    bodies = [task() for _ in range(int(rate * HALF_LOAD_SECONDS))]
    return alone, await stage.latency(one, round_, bodies, rate=rate)


def told(row: dict[str, Any]) -> str:
    """Return a row for people."""
    return (
        f"{row['queue']:<8}{row['contender']:<12}{row['messages_per_second']:>8,} /s"
        f"{row['cpu_us_per_message']:>9.1f} µs CPU{row['rss_mb']:>8.1f} MB"
        f"   round trip {row['p50_ms']:.2f} ms, p99 {row['p99_ms']:.2f} ms"
    )


def row(one: Contender, queue_type: str, found: dict[str, list[Found]]) -> dict[str, Any]:
    """Return a contender's row: medians of its rounds, and of some figures the ends."""
    rates = {
        name: median(r.work.messages_per_second for r in rounds) for name, rounds in found.items()
    }
    work = [r.work for r in found[one.name]]
    waits = [r.alone for r in found[one.name]]
    alone = Latency.median(waits)
    busy = Latency.median([r.busy for r in found[one.name]])
    row: dict[str, Any] = {
        "contender": one.name,
        "queue": queue_type,
        "messages_per_second": round(rates[one.name]),
        "cpu_us_per_message": round(median(m.cpu_us_per_message for m in work), 1),
        "broker_us_per_message": round(median(m.broker_us_per_message for m in work), 1),
        "rss_mb": round(max(m.rss_mb for m in work), 1),
        "p50_ms": round(alone.p50, 3),
        "p99_ms": round(alone.p99, 3),
        "p999_ms": round(alone.p999, 3),
        "least_p50_ms": round(min(trip.p50 for trip in waits), 3),
        "most_p50_ms": round(max(trip.p50 for trip in waits), 3),
        "half_load_p50_ms": round(busy.p50, 3),
        "half_load_p99_ms": round(busy.p99, 3),
        "slowest": round(min(m.messages_per_second for m in work)),
        "fastest": round(max(m.messages_per_second for m in work)),
        "guarantees": one.guarantees,
    }
    for rival in ("faststream", "c"):
        if rival in rates:
            row[f"times_{rival}"] = round(rates[one.name] / rates[rival], 2)
    if "c" in found:
        usual = median(r.alone.p50 for r in found["c"])
        row["round_trip_times_c"] = round(alone.p50 / usual, 2)
    return row


def arguments() -> Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    peers = [name for name in CONTENDERS if name != BARE]
    parser.add_argument("--only", nargs="+", choices=list(CONTENDERS), default=peers)
    parser.add_argument("--queue", nargs="+", choices=["quorum", "classic"], default=None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of work in each round")
    parser.add_argument("--prefetch", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="two rounds, quorum queues only")
    parser.add_argument("--table", action="store_true", help="for people instead of programs")
    add_apart(parser)
    given = parser.parse_args()
    given.queue = given.queue or (["quorum"] if given.quick else ["quorum", "classic"])
    given.rounds = min(given.rounds, 2) if given.quick else given.rounds
    return given


def main() -> None:
    """Measure."""
    given = arguments()
    contenders = available(given.only)
    stage = Stage(apart=given.apart)
    try:
        asyncio.run(compare(stage, contenders, given))
    finally:
        stage.close()


if __name__ == "__main__":
    main()
