"""The inbox under fire: an effect once, and none without a claim while its store is away."""

from __future__ import annotations

import hashlib
import resource
import sqlite3
import time
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

from faults.proxy import DOWN, UP
from faults.requests import AGENT
from faults.row import Figure, Row
from faults.rows.line_rows import swallow
from faults.rows.worker_rows import PREFETCH, kill

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from faults.rig import Rig
    from faults.scales import Scale

#: Seconds in which what was claimed before takes its effect, and a store fills up.
IN_HAND: Final = 2.0
#: Seconds from one time the store is away to the next, about.
BETWEEN: Final = 3.0
#: Bytes beyond the effects' own file that a process may write to a file of a full disk.
ROOM: Final = 100_000


def file_of(rig: Rig) -> Path:
    """Return where a row's inbox is."""
    return rig.directory / "inbox.db"


def keep_inbox(rig: Rig) -> None:
    """Give all workers of a row one inbox."""
    rig.settings["inbox"] = f"sqlite:///{file_of(rig)}"


async def with_inbox(
    rig: Rig, scale: Scale, *, row: Callable[[Rig, Scale], Awaitable[Figure]], strictly: bool
) -> Figure:
    """Run another row with an inbox; `strictly` where no process dies, so that no gap is left."""
    keep_inbox(rig)
    figure = await row(rig, scale)
    figure.must(not strictly or figure.effects_doubled == 0, "an effect was had twice")
    return figure


@contextmanager
def locked(rig: Rig) -> Iterator[None]:
    """Hold the store's lock, as another process that writes for long does."""
    connection = sqlite3.connect(file_of(rig), isolation_level=None, timeout=10)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


@contextmanager
def full(rig: Rig) -> Iterator[None]:
    """Let the store's files grow no more: to a process its limit is what a full disk is."""
    reader = sqlite3.connect(file_of(rig), isolation_level=None, timeout=10)
    try:
        reader.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        # While somebody reads, the log is not begun anew: it grows until it may not.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM inbox").fetchone()
        _limit(rig, rig.effects_file.stat().st_size + ROOM)
        yield
    finally:
        _limit(rig, None)
        reader.close()


def _limit(rig: Rig, size: int | None) -> None:
    """Let the workers' files grow so far; without a size, as far as they like."""
    for worker in rig.workers:
        _, hard = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
        soft = hard if size is None else size
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (soft, hard))


async def file_away(
    rig: Rig, scale: Scale, *, away: Callable[[Rig], AbstractContextManager[None]]
) -> Figure:
    """Take the file away from working workers."""
    keep_inbox(rig)
    return await store_away(rig, scale, away=partial(away, rig), claims=partial(_claims, rig))


def _claims(rig: Rig) -> set[bytes]:
    with closing(sqlite3.connect(file_of(rig))) as connection:
        return {key for (key,) in connection.execute("SELECT key FROM inbox")}


def key_of(request: str) -> bytes:
    """Return what a request of the harness's is known by in an inbox: it names no user."""
    who = hashlib.blake2b(digest_size=16)
    for part in ("", AGENT, UUID(request).hex):
        who.update(len(part).to_bytes(4, "big") + part.encode())
    return who.digest()


async def store_away(
    rig: Rig,
    scale: Scale,
    *,
    away: Callable[[], AbstractContextManager[None]],
    claims: Callable[[], set[bytes]],
) -> Figure:
    """Take the store away from working workers, for a while and again."""
    figure = Figure()
    await rig.work(count=2, prefetch=PREFETCH)
    await rig.consuming(2)
    rate = scale.messages / scale.faults / (IN_HAND + scale.seconds + BETWEEN)
    await rig.publish(scale.messages, rate=rate, endless=True)
    meanwhile = 0
    for _ in range(scale.faults):
        await rig.effects_after(time.monotonic(), count=100)
        with away():
            began = time.monotonic()
            await rig.lasts(IN_HAND + scale.seconds)
            over = time.monotonic()
        meanwhile += sum(began + IN_HAND < one.at < over for one in rig.effects())
        figure.recovered_within(await rig.effects_after(over))
    figure.count(await rig.reckon(within=scale.seconds + 60))
    claimed = claims()
    unclaimed = [one.id for one in rig.effects() if key_of(one.id) not in claimed]
    figure.told |= {
        "away_s": IN_HAND + scale.seconds,
        "effects_meanwhile": meanwhile,
        "effects_unclaimed": len(unclaimed),
    }
    figure.must(not unclaimed, f"work was done without a claim: {unclaimed[:3]}")
    figure.must(figure.effects_doubled == 0, "an effect was had twice")
    figure.must(figure.dead == 0, "healthy work was dead-lettered")
    return figure


ROWS: Final = (
    Row(
        name="inbox store locked by somebody else",
        run=partial(file_away, away=locked),
    ),
    Row(
        name="inbox store full",
        run=partial(file_away, away=full),
    ),
    Row(
        name="with the inbox: every 50th confirm swallowed",
        run=partial(with_inbox, row=partial(swallow, up=DOWN), strictly=True),
    ),
    Row(
        name="with the inbox: every 50th ack swallowed",
        run=partial(with_inbox, row=partial(swallow, up=UP), strictly=True),
    ),
    Row(
        name="with the inbox: worker kill -9",
        run=partial(with_inbox, row=kill, strictly=False),
    ),
)
