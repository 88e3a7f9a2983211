"""`make faults`: the matrix, one row after another, and its table in the documentation.

    python -m faults.run [--short | --full] [--row NAME …] [--only WORD …] [--list]
                         [--rabbitmq 4] [--seed N]

A line of JSON for each row; before each, on stderr, what it is and how long it takes about. Exit
code 1 when a promise did not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from faults.crew import TESTS, Crew
from faults.matrix import ROWS, run_row
from faults.row import Figure
from faults.scales import Size
from faults.table import written

from workers.broker import PrivateBroker
from workers.broker.installation import ROOT, find_installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faults.row import Row

PAGE: Final = TESTS.parent / "docs" / "guarantees.md"
TREE: Final = TESTS.parent / "deploy" / "standin" / "rabbitmq-tree"
#: Seconds a broker of one or of three nodes takes to start, about.
STARTS: Final = 10


def main() -> int:
    """Run what was asked for."""
    asked = _asked()
    rows = list(_meant(asked))
    if asked.list:
        for row in rows:
            print(f"{_minutes(row.scales.seconds(asked.size)):>8}  {row.name}")  # noqa: T201 - what was asked for
        print(f"{_minutes(_in_all(rows, asked.size)):>8}  in all")  # noqa: T201 - likewise
        return 0
    if asked.rabbitmq:
        made = subprocess.run([TREE], check=True, stdout=subprocess.PIPE, text=True)
        os.environ[ROOT] = made.stdout.strip()
    _say(f"{len(rows)} rows, about {_minutes(_in_all(rows, asked.size))} in all")
    figures = asyncio.run(_run(rows, size=asked.size, seed=asked.seed))
    return int(any(figure.broken for figure in figures))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__.splitlines()[0])
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument(
        "--short",
        dest="size",
        action="store_const",
        const=Size.SHORT,
        help="the short forms; writes no table",
    )
    scale.add_argument(
        "--full",
        dest="size",
        action="store_const",
        const=Size.FULL,
        help="all of what the matrix promises: hours",
    )
    parser.add_argument("--row", action="append", default=[], help="one row, by its whole name")
    parser.add_argument("--only", nargs="*", default=[], help="rows whose names hold a word")
    parser.add_argument(
        "--list", action="store_true", help="tell the rows, and how long each takes"
    )
    parser.add_argument("--rabbitmq", choices=("4",), help="Debian 13's, in a directory of its own")
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(size=Size.USUAL)
    asked = parser.parse_args()
    names = [row.name for row in ROWS]
    for name in asked.row:
        if name not in names:
            near = "; ".join(difflib.get_close_matches(name, names, cutoff=0.3)) or "see --list"
            parser.error(f"there is no row {name!r}; is one of these meant? {near}")
    return asked


def _meant(asked: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows that are meant, in the order in which they are run."""
    everything = not asked.row and not asked.only
    for row in sorted(ROWS, key=lambda row: row.nodes):
        if everything or row.name in asked.row or any(word in row.name for word in asked.only):
            yield row


def _in_all(rows: list[Row], size: Size) -> int:
    brokers = len({row.nodes for row in rows})
    return sum(row.scales.seconds(size) for row in rows) + brokers * STARTS


def _minutes(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min" if minutes >= 3 else f"{minutes * 60 + rest} s"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - for whoever waits


async def _run(rows: list[Row], *, size: Size, seed: int) -> list[Figure]:
    """Run rows that share a kind of broker on the same one."""
    figures = []
    async with Crew() as crew:
        for nodes in sorted({row.nodes for row in rows}):
            broker = await asyncio.to_thread(PrivateBroker.start, nodes)
            try:
                for row in (row for row in rows if row.nodes == nodes):
                    if lack := row.lacks():
                        _say(f"{row.name}: not run: {lack}")
                        continue
                    number = rows.index(row) + 1
                    about = _minutes(row.scales.seconds(size))
                    _say(f"{number}/{len(rows)} {row.name} ({size.value}, about {about})")
                    figure = await _one(row, broker, crew, size=size, seed=seed)
                    print(figure.line(), flush=True)  # noqa: T201 - what was asked for
                    figures.append(figure)
                    if size is not Size.SHORT:  # each at once: what is told stays told
                        _write(figure)
            finally:
                await asyncio.to_thread(broker.close)
    return figures


async def _one(row: Row, broker: PrivateBroker, crew: Crew, *, size: Size, seed: int) -> Figure:
    directory = Path(tempfile.mkdtemp(prefix="leveret-faults-"))
    scale = row.scales.of(size)
    began = time.monotonic()
    try:
        figure = await run_row(row, scale, broker=broker, crew=crew, directory=directory, seed=seed)
    except Exception as error:  # noqa: BLE001 - a row that breaks off is told, and others go on
        figure = Figure(row=row.name, strikes=scale.faults, broken=[f"it broke off: {error!r}"])
        figure.scale = size.value
    figure.told["row_s"] = round(time.monotonic() - began, 1)
    if figure.broken:
        _say(f"see {directory}")  # for whoever looks into it
    else:
        shutil.rmtree(directory)
    return figure


def _write(figure: Figure) -> None:
    server = find_installation()
    assert server is not None
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    where = (
        f"RabbitMQ {server.version}, Python {platform.python_version()}, {os.cpu_count()} cores and"
        f" {memory:.0f} GB shared by broker, workers, publisher and harness;"
        f" {datetime.now(UTC):%Y-%m-%d}."
    )
    page = written(
        PAGE.read_text(encoding="utf-8"),
        broker=".".join(server.version.split(".")[:2]),
        where=where,
        figures=(figure,),
        order=[row.name for row in ROWS],
    )
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
