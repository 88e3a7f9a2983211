"""What people at the console cost the worker, and how long they wait: with and without, in turns.

    python benchmarks/browsing.py [--letters N] [--rounds N] [--every SECONDS]

One private broker with N open dead letters, one console in a process of its own, one worker that
empties a full queue. In every other round somebody browses: *Now* is open with its stream, and
every second another page is asked for. Afterwards each page is timed while the worker rests.
Prints a JSON line a round, a page, and one with the medians.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import aio_pika
from contender import ANSWERS, CONTENDERS, environment
from message import task
from meter import cost
from stage import Measured, Round, Stage, fill, worker
from visitor import Visitor

from messages import ErrorCode, FieldError
from topology import Names
from workers.outcome import DeadLettered, Delivery, Failure, Properties, Subject
from workers.settling.copies import Origin, dead_letter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.publication import Publication

NAMES: Final = Names()
LETTERS: Final = 100_000
#: Tasks a round: some seconds of work.
TASKS: Final = 20_000
#: Kinds of failure among the letters.
KINDS: Final = ("resize", "thumbnail", "charge", "mail")
BEGAN: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)


def letters(count: int) -> Iterator[Publication]:
    """Yield dead letters as a worker writes them, ten a second."""
    origin = Origin(NAMES, "default", "bench", "guest")
    for number in range(count):
        kind = KINDS[number % 7 % len(KINDS)]
        body = task().replace(b'"agent_id":"bench"', b'"agent_id":"bench-%d"' % (number % 3))
        properties = Properties(correlation_id=f"{number:036d}", user_id="guest")
        delivery = Delivery(
            body, properties, NAMES.requests, f"task_request.{kind}", NAMES.work("default")
        )
        error = FieldError(f"parameters.{kind}", f"/parameters/{kind}", "missing", "is required")
        failure = Failure(ErrorCode.INVALID_PAYLOAD, "the parameters do not fit", (error,), 1)
        outcome = DeadLettered(Subject("task_request", kind), failure, str(uuid4()))
        letter = dead_letter(delivery, outcome, origin, BEGAN + timedelta(seconds=number / 10))
        # The broker's own way, by which one publish reaches the queue and the journal.
        yield letter._replace(
            exchange=origin.names.dead, routing_key=origin.names.dead_key(origin.group)
        )


@contextlib.contextmanager
def console(url: str) -> Iterator[tuple[int, str]]:
    """Lend a console: its process and its address."""
    stand = Round().stand(url)
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.cli", "console", "--port", "0"],
        env=environment(stand),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert "http://" in said, said
        yield process.pid, said.split()[-1]
    finally:
        process.terminate()
        process.wait(15)


class Browsing:
    """Rounds with somebody at the console, and rounds without."""

    def __init__(self, stage: Stage, url: str, visitor: Visitor, console_pid: int) -> None:
        self._stage = stage
        self._url = url
        self._visitor = visitor
        self._console = console_pid

    async def round(self, every: float | None) -> tuple[Measured, float]:
        """Return what the worker did, and what share of a CPU the console took meanwhile."""
        async with await aio_pika.connect(self._url) as connection:
            channel = await connection.channel()
            await (await channel.get_queue(ANSWERS)).purge()
        leveret = CONTENDERS["leveret"]
        await fill(self._url, (leveret.wrap(task(), f"{n:036d}") for n in range(TASKS)))
        async with contextlib.AsyncExitStack() as browsing:
            if every is not None:
                await browsing.enter_async_context(self._visitor.browsing(every))
            with worker(leveret, Round().stand(self._url)) as pid:
                before, clock = cost(self._console).cpu, asyncio.get_running_loop().time()
                done = await self._stage.watch(self._url, pid, TASKS)
                passed = asyncio.get_running_loop().time() - clock
        return done, (cost(self._console).cpu - before) / passed


def told(**figures: object) -> None:
    """Print one line."""
    print(json.dumps(figures), flush=True)


async def run(options: argparse.Namespace) -> None:
    """Measure, and print."""
    stage = Stage()
    try:
        async with stage.ground(Round()) as url:
            await fill(url, letters(options.letters))
            with console(url) as (pid, address):
                await _measure(options, Browsing(stage, url, Visitor(address), pid))
    finally:
        stage.close()


async def _measure(options: argparse.Namespace, browsing: Browsing) -> None:
    visitor = browsing._visitor  # noqa: SLF001 - ours
    told(page="the first look", letters=options.letters, seconds=await visitor.first_look())
    rounds: dict[bool, list[Measured]] = {False: [], True: []}
    for number in range(2 * options.rounds):
        # A B B A: what drifts meets both.
        browsed = number % 4 in {1, 2}
        done, share = await browsing.round(options.every if browsed else None)
        rounds[browsed].append(done)
        told(round=number, browsed=browsed, console_cpu=round(share, 3), **done._asdict())
    visitor.took.clear()
    await visitor.see_all(5)
    for name, (half, most) in visitor.medians().items():
        told(page=name, letters=options.letters, median_ms=half * 1e3, longest_ms=most * 1e3)
    quiet, busy = (_middle(rounds[browsed]) for browsed in (False, True))
    fall = 1 - busy.messages_per_second / quiet.messages_per_second
    told(quiet=quiet._asdict(), browsed=busy._asdict(), fall_percent=round(fall * 100, 1))
    await visitor.close()


def _middle(rounds: list[Measured]) -> Measured:
    return Measured(*(median(values) for values in zip(*rounds, strict=True)))


def main() -> None:
    """Read the options, measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--letters", type=int, default=LETTERS)
    parser.add_argument("--rounds", type=int, default=6, help="with and without, each so many")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two clicks")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
