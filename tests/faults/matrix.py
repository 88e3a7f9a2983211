"""The whole matrix: every row of every room, in the order in which they are run and told."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from faults.rig import Rig
from faults.rows import (
    broker_rows,
    inbox_rows,
    line_rows,
    message_rows,
    queue_rows,
    store_rows,
    trust_rows,
    worker_rows,
)

if TYPE_CHECKING:
    from pathlib import Path

    from faults.crew import Crew
    from faults.row import Figure, Row
    from faults.scales import Scale

    from workers.broker import PrivateBroker

ROWS: Final[tuple[Row, ...]] = (
    *worker_rows.ROWS,
    *broker_rows.ROWS,
    *line_rows.ROWS,
    *inbox_rows.ROWS,
    *store_rows.ROWS,
    *queue_rows.ROWS,
    *message_rows.ROWS,
    *trust_rows.ROWS,
)


async def run_row(
    row: Row, scale: Scale, *, broker: PrivateBroker, crew: Crew, directory: Path, seed: int
) -> Figure:
    """Run one row on a broker and return its figure; what stops it is a broken promise, too."""
    began = time.monotonic()
    for node in broker.nodes:
        if node.pid is None:  # a row before this one broke off
            await asyncio.to_thread(node.start)
    async with Rig(broker, crew, directory, seed) as rig:
        figure = await row.run(rig, scale)
        figure.row = row.name
        figure.scale = scale.size.value
        figure.strikes = scale.faults
        figure.told["row_s"] = round(time.monotonic() - began, 1)
    for name in tracebacks(directory):
        figure.must(False, f"a traceback in {name}")
    return figure


def tracebacks(directory: Path) -> list[str]:
    """Return the logs of workers that fell over instead of saying what is wrong."""
    logs = sorted(directory.glob("worker-*.log"))
    return [log.name for log in logs if b"Traceback" in log.read_bytes()]
