"""Work whose effect is a row that commits with the inbox's mark; and how such rows are read."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Final

import psycopg
from faults.effects import Effect
from faults.processors import Work

from workers import Context, Registry

registry = Registry()

TABLE: Final = "CREATE TABLE bookings (id text, at double precision, pid int, attempt int)"


@registry.task("book", parameters=Work, transaction=True)
async def book(work: Work, context: Context) -> dict[str, object]:
    """Write one row."""
    booked = (str(context.envelope.envelope_id), time.monotonic(), os.getpid(), context.attempt)
    await context.transaction.execute("INSERT INTO bookings VALUES (%s, %s, %s, %s)", booked)
    if work.after:
        await asyncio.sleep(work.after)
    return {}


def read(url: str) -> list[Effect]:
    """Return all rows that were committed, as effects."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT id, at, pid, attempt FROM bookings ORDER BY at")
        return [Effect(*row) for row in rows.fetchall()]
