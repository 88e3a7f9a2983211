"""Whether a worker's memory stays flat: its resident size while it answers a million messages.

    python benchmarks/memory.py [--messages N] [--prefetch P]

Tasks are published as answers come back, so that the queue stays short; one in a hundred is bad and
becomes a dead letter. Prints a JSON line a step: how many were answered, and the worker's resident
memory then, in MB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from contender import CONTENDERS
from message import task
from stage import Round, Stage
from trips import BEGIN_WITHIN, Trips

if TYPE_CHECKING:
    from argparse import Namespace

#: Messages under way at once, whatever the prefetch: less than this is no load.
LEAST_UNDER_WAY: Final = 2_000
#: Times the memory is looked at.
STEPS: Final = 20
#: Of how many messages one is bad.
ONE_BAD_IN: Final = 100
#: Different bodies; made once, or the client would be what is slow.
BODIES: Final = 1_000


def resident_mb(pid: int) -> float:
    """Return the memory a process has resident now."""
    status = Path(f"/proc/{pid}/status").read_text()
    row = next(row for row in status.splitlines() if row.startswith("VmRSS"))
    return int(row.split()[1]) / 1024


async def measure(stage: Stage, given: Namespace) -> None:
    """Send and hear, and print the worker's memory at each step."""
    contender = CONTENDERS["leveret"]
    under_way = max(LEAST_UNDER_WAY, 2 * given.prefetch)
    bodies = [task(bad=number % ONE_BAD_IN == 0) for number in range(BODIES)]
    quiet = {"LEVERET_LOG_LEVEL": "ERROR"}  # of the bad ones we know
    round_ = Round(prefetch=given.prefetch, settings=quiet)
    async with stage.working(contender, round_) as (url, pid):
        trips = Trips(url, keep=False)
        await trips.link.start(within=BEGIN_WITHIN)
        for step in range(1, STEPS + 1):
            until = given.messages * step // STEPS
            while trips.begun < until:
                number = trips.begun
                trips.send(contender.wrap(bodies[number % BODIES], f"{number:036d}"))
                if trips.under_way >= under_way:
                    await trips.fewer_than(under_way // 2)
            answered = trips.begun - trips.under_way
            told = {"answered": answered, "rss_mb": round(resident_mb(pid), 1)}
            print(json.dumps(told), flush=True)
        await trips.all_back(BEGIN_WITHIN)
        await trips.link.quiet()
        await trips.link.stop(within=BEGIN_WITHIN)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--prefetch", type=int, default=200)
    given = parser.parse_args()
    stage = Stage()
    try:
        asyncio.run(measure(stage, given))
    finally:
        stage.close()


if __name__ == "__main__":
    main()
