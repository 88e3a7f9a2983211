"""`make faults`: the matrix in full, one row after another, and its table in the documentation.

    python -m faults.run [--short] [--only WORD …] [--rabbitmq 4] [--seed N]

A line of JSON for each row. Exit code 1 when a promise did not hold.
"""

from __future__ import annotations

import argparse
import asyncio
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
from faults.table import line_of, written

from workers.broker import PrivateBroker
from workers.broker.installation import ROOT, find_installation

if TYPE_CHECKING:
    from faults.row import Row

PAGE: Final = TESTS.parent / "docs" / "guarantees.md"
TREE: Final = TESTS.parent / "deploy" / "standin" / "rabbitmq-tree"


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="the short forms; writes no table")
    parser.add_argument("--only", nargs="*", default=[], help="rows whose names hold a word")
    parser.add_argument("--rabbitmq", choices=("4",), help="Debian 13's, in a directory of its own")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if asked.rabbitmq:
        made = subprocess.run([TREE], check=True, stdout=subprocess.PIPE, text=True)
        os.environ[ROOT] = made.stdout.strip()
    rows = [row for row in ROWS if _is_meant(row, asked.only)]
    figures = asyncio.run(_run(rows, short=asked.short, seed=asked.seed))
    return int(any(figure.broken for figure in figures))


def _is_meant(row: Row, words: list[str]) -> bool:
    return not words or any(word in row.name for word in words)


async def _run(rows: list[Row], *, short: bool, seed: int) -> list[Figure]:
    """Run rows that share a kind of broker on the same one."""
    figures = []
    async with Crew() as crew:
        for nodes in sorted({row.nodes for row in rows}):
            broker = await asyncio.to_thread(PrivateBroker.start, nodes)
            try:
                for row in (row for row in rows if row.nodes == nodes):
                    if lack := row.lacks():
                        print(f"{row.name}: not run: {lack}", file=sys.stderr)  # noqa: T201 - likewise
                        continue
                    figure = await _one(row, broker, crew, short=short, seed=seed)
                    print(figure.line(), flush=True)  # noqa: T201 - what was asked for
                    figures.append(figure)
                    if not short:  # each at once: what is told stays told, whatever comes next
                        _write(figure)
            finally:
                await asyncio.to_thread(broker.close)
    return figures


async def _one(row: Row, broker: PrivateBroker, crew: Crew, *, short: bool, seed: int) -> Figure:
    directory = Path(tempfile.mkdtemp(prefix="leveret-faults-"))
    scale = row.short if short else row.full
    began = time.monotonic()
    try:
        figure = await run_row(row, scale, broker=broker, crew=crew, directory=directory, seed=seed)
    except Exception as error:  # noqa: BLE001 - a row that breaks off is told, and others go on
        figure = Figure(row=row.name, strikes=scale.faults, broken=[f"it broke off: {error!r}"])
    figure.told["row_s"] = round(time.monotonic() - began, 1)
    if figure.broken:
        print(f"see {directory}", file=sys.stderr)  # noqa: T201 - for whoever looks into it
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
    broker = ".".join(server.version.split(".")[:2])
    page = written(
        PAGE.read_text(encoding="utf-8"),
        broker=broker,
        where=where,
        figures={figure.row: line_of(figure)},
        order=[row.name for row in ROWS],
    )
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
