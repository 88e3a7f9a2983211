"""`make soak`: workers under random faults for as long as asked, and whether they grow.

    python -m faults.soak --seconds 7200 [--seed N]

A line of JSON for each round, and one for all. One worker lives through everything; its memory and
descriptors are looked at after each round.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson
from faults.crew import Crew
from faults.proxy import DOWN, UP, Proxy
from faults.rig import Rig
from faults.row import Figure
from faults.rows.broker_rows import memory
from faults.rows.message_rows import publish_poison
from faults.rows.worker_rows import MIX, PREFETCH

from workers.broker import PrivateBroker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from faults.crew import Child

#: Requests a second, and seconds a round of them takes.
RATE: Final = 200
ROUND: Final = 6.0
#: Seconds until every request of a round must have come to its end.
SETTLED_WITHIN: Final = 90.0
#: MB an hour that a worker may seem to grow: what is measured is never quite still.
MOST_GROWTH: Final = 20.0
#: Rounds before memory is looked at: the first ones fill caches and pools.
WARM_UP: Final = 3


async def _kill_worker(rig: Rig, _proxy: Proxy) -> None:
    victim = rig.workers.pop()
    await victim.kill()
    await rig.work(prefetch=PREFETCH)


async def _freeze_worker(rig: Rig, _proxy: Proxy) -> None:
    rig.workers[-1].signal(signal.SIGSTOP)
    await rig.lasts(3)
    rig.workers[-1].signal(signal.SIGCONT)


async def _replace_worker(rig: Rig, _proxy: Proxy) -> None:
    leaving = rig.workers.pop()
    leaving.signal(signal.SIGTERM)
    await leaving.wait()
    await rig.work(prefetch=PREFETCH)


async def _reset(_rig: Rig, proxy: Proxy) -> None:
    proxy.reset()


async def _cut(_rig: Rig, proxy: Proxy) -> None:
    proxy.cut_at = 300


async def _vanish(rig: Rig, proxy: Proxy) -> None:
    proxy.hole = {UP, DOWN}
    await rig.lasts(4)
    proxy.hole = set()


async def _kill_broker(rig: Rig, _proxy: Proxy) -> None:
    await asyncio.to_thread(rig.node.kill)
    await asyncio.to_thread(rig.node.start)


async def _poison(rig: Rig, _proxy: Proxy) -> None:
    await asyncio.to_thread(publish_poison, rig, 40)


FAULTS: Final[tuple[Callable[[Rig, Proxy], Awaitable[None]], ...]] = (
    _kill_worker,
    _freeze_worker,
    _replace_worker,
    _reset,
    _cut,
    _vanish,
    _kill_broker,
    _poison,
)


async def soak(seconds: float, seed: int) -> bool:
    """Return whether every promise held."""
    chance = random.Random(seed)  # noqa: S311 - so that a run can be repeated
    figure = Figure(row="soak")
    samples: list[tuple[float, float, int]] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="leveret-soak-") as directory:
        broker = await asyncio.to_thread(PrivateBroker.start)
        try:
            async with (
                Crew() as crew,
                Rig(broker, crew, Path(directory), seed) as rig,
                Proxy(rig.url) as proxy,
            ):
                (survivor,) = await rig.work(url=proxy.url, prefetch=PREFETCH)
                await rig.work(prefetch=PREFETCH)
                await rig.consuming(2)
                while time.monotonic() - began < seconds and not figure.broken:
                    await _round(rig, proxy, chance.choice(FAULTS), figure)
                    figure.must(survivor.code is None, "the worker that should survive did not")
                    samples.append((time.monotonic() - began, *_size(survivor)))
                    proxy.log.clear()
                codes = set(await rig.dismiss())
                figure.must(codes == {0}, f"exit codes: {codes}")
        finally:
            await asyncio.to_thread(broker.close)
    _sum_up(figure, samples)
    print(figure.line(), flush=True)  # noqa: T201 - what was asked for
    return not figure.broken


async def _round(
    rig: Rig, proxy: Proxy, strike: Callable[[Rig, Proxy], Awaitable[None]], figure: Figure
) -> None:
    began = time.monotonic()
    await rig.publish(int(RATE * ROUND), rate=RATE, tasks=MIX)
    await rig.lasts(rig.random.uniform(0.1, 0.7) * ROUND)
    await strike(rig, proxy)
    before = figure.messages
    figure.count(await rig.balance(within=SETTLED_WITHIN))
    figure.strikes += 1
    told = {
        "fault": strike.__name__.lstrip("_"),
        "messages": figure.messages - before,
        "seconds": round(time.monotonic() - began, 1),
        "rss_mb": memory(rig.workers[0]),
        "lost": figure.lost,
    }
    print(orjson.dumps(told).decode(), flush=True)  # noqa: T201 - what was asked for


def _size(worker: Child) -> tuple[float, int]:
    return memory(worker), len(list(Path(f"/proc/{worker.pid}/fd").iterdir()))


def _sum_up(figure: Figure, samples: list[tuple[float, float, int]]) -> None:
    warm = samples[WARM_UP:]
    growth = slope([(at, mb) for at, mb, _ in warm]) * 3600
    figure.told |= {
        "rounds": len(samples),
        "rss_mb": [mb for _, mb, _ in samples][-1:],
        "rss_mb_an_hour": round(growth, 1),
        "descriptors_an_hour": round(slope([(at, fds) for at, _, fds in warm]) * 3600, 1),
    }
    if samples and samples[-1][0] > 1800:
        figure.must(growth < MOST_GROWTH, "the worker's memory grows")


def slope(points: list[tuple[float, float]]) -> float:
    """Return by how much the second value grows with each unit of the first (least squares)."""
    if len(points) < 2:
        return 0.0
    x = sum(one for one, _ in points) / len(points)
    y = sum(two for _, two in points) / len(points)
    spread = sum((one - x) ** 2 for one, _ in points)
    return sum((one - x) * (two - y) for one, two in points) / spread if spread else 0.0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=7200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    sys.exit(0 if asyncio.run(soak(asked.seconds, asked.seed)) else 1)
