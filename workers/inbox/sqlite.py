"""An inbox in one file, for all worker processes of one host.

One thread owns the connection. It takes whatever has come in together, does it in one transaction
and commits once: many messages share one sync to the disk, and the loop never waits for it.
`synchronous=FULL`: what is marked as done stays so through a power cut.

A file that somebody takes away while it is open would go on taking marks that nobody else sees and
nobody ever reads again. So before each commit it is looked at; once it is gone or another one, no
work is done here any more.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from workers.inbox.port import FORGET, LEASE, Claimed, Entry, Inbox, InboxError, Kept, Verdict
from workers.inbox.rows import standing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Work = Callable[[sqlite3.Connection], Any]
    Asked = tuple[Work, asyncio.Future[Any]]

log = logging.getLogger("leveret.inbox")

#: Milliseconds to wait for another process that is writing.
BUSY_MS: Final = 5_000
#: Requests that share one commit at most.
TOGETHER: Final = 512

_SCHEMA: Final = (
    (
        "CREATE TABLE IF NOT EXISTS inbox (key BLOB PRIMARY KEY, digest BLOB NOT NULL,"
        " token TEXT NOT NULL, boot TEXT NOT NULL, until REAL NOT NULL, done_at REAL,"
        " message_type TEXT, body BLOB) WITHOUT ROWID"
    ),
    "CREATE INDEX IF NOT EXISTS inbox_by_age ON inbox (done_at)",
)
_CLAIM: Final = (
    "INSERT INTO inbox (key, digest, token, boot, until) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (key) DO UPDATE SET token = excluded.token, boot = excluded.boot,"
    " until = excluded.until WHERE inbox.done_at IS NULL AND inbox.digest = excluded.digest"
    " AND (inbox.boot <> excluded.boot OR inbox.until < ?)"
)
_LOOK: Final = "SELECT digest, done_at, message_type, body FROM inbox WHERE key = ?"
_KEEP: Final = (
    "UPDATE inbox SET done_at = ?, message_type = ?, body = ?"
    " WHERE key = ? AND token = ? AND done_at IS NULL"
)
_RELEASE: Final = "DELETE FROM inbox WHERE key = ? AND token = ? AND done_at IS NULL"
_RENEW: Final = "UPDATE inbox SET until = ? WHERE key = ? AND token = ? AND done_at IS NULL"
_PRUNE: Final = (
    "DELETE FROM inbox WHERE key IN (SELECT key FROM inbox WHERE done_at < ?"
    " OR (done_at IS NULL AND boot <> ?) LIMIT ?)"
)


class SqliteInbox(Inbox):
    """Claims and answers in an SQLite file."""

    def __init__(self, path: Path, *, lease: float = LEASE) -> None:
        self._path = path
        self._lease = lease
        self._asked: SimpleQueue[Asked | None] = SimpleQueue()
        self._boot = _boot()
        self._thread = Thread(target=self._serve, name="inbox", daemon=True)

    @classmethod
    async def open(cls, path: Path, *, lease: float = LEASE) -> SqliteInbox:
        """Return an inbox that can be written, or raise InboxError."""
        inbox = cls(path, lease=lease)
        inbox._thread.start()
        await inbox._ask(_prepare)
        return inbox

    async def claim(self, entry: Entry) -> Verdict:
        """Claim a message, or say what stands against it."""

        def work(connection: sqlite3.Connection) -> Verdict:
            now = time.monotonic()
            row = (entry.key, entry.digest, entry.token, self._boot, now + self._lease, now)
            if connection.execute(_CLAIM, row).rowcount:
                return Claimed()
            return standing(connection.execute(_LOOK, (entry.key,)).fetchone(), entry)

        verdict: Verdict = await self._ask(work)
        return verdict

    async def keep(self, entry: Entry, kept: Kept) -> bool:
        """Mark a claimed message as done; False when the claim was lost."""
        row = (time.time(), kept.message_type, kept.body, entry.key, entry.token)
        return bool(await self._ask(lambda connection: connection.execute(_KEEP, row).rowcount))

    async def release(self, entry: Entry) -> None:
        """Let go of a claim whose work failed."""
        row = (entry.key, entry.token)
        await self._ask(lambda connection: connection.execute(_RELEASE, row).rowcount)

    async def renew(self, entries: Sequence[Entry]) -> None:
        """Make claims last for another lease."""
        until = time.monotonic() + self._lease
        rows = [(until, entry.key, entry.token) for entry in entries]
        await self._ask(lambda connection: connection.executemany(_RENEW, rows).rowcount)

    async def prune(self, older_than: float) -> int:
        """Forget some of what was done longer ago, and claims from before the host was started."""
        # By the wall clock, as it must outlive a reboot; a jump forgets a little more or later.
        row = (time.time() - older_than, self._boot, FORGET)
        forgotten: int = await self._ask(
            lambda connection: connection.execute(_PRUNE, row).rowcount
        )
        return forgotten

    async def close(self) -> None:
        """Do what was asked, then let go of the file."""
        self._asked.put(None)
        await asyncio.to_thread(self._thread.join)

    async def _ask(self, work: Work) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked.put((work, future))
        return await future

    # -- in the thread --

    def _serve(self) -> None:
        connection: sqlite3.Connection | None = None
        opened: tuple[int, int] | None = None
        while (first := self._asked.get()) is not None:
            batch = [first, *self._others()]
            try:
                if connection is None:
                    connection = _connect(self._path)
                    opened = _identity(self._path)
                if _identity(self._path) != opened:
                    self._lose()
                if self.lost:
                    _tell(batch, [InboxError(self.lost)] * len(batch))
                    continue
                results = _commit(connection, [work for work, _ in batch])
            except sqlite3.Error as error:
                told = InboxError(
                    f"the inbox {self._path} cannot be written ({error}); is there room on the "
                    "disk, may this user write there?"
                )
                _tell(batch, [told] * len(batch))
            except Exception as error:  # noqa: BLE001 - nobody else would hear of a thread's end
                # Without this thread every claim would wait in vain. What the connection holds now
                # is not known, so it is not used again.
                self._give_up(type(error).__name__)
                _tell(batch, [InboxError(self.lost)] * len(batch))
            else:
                _tell(batch, results)
        if connection is not None:
            connection.close()

    def _lose(self) -> None:
        if not self.lost:
            self.lost = (
                f"the inbox {self._path} was removed or replaced while it was in use: what was "
                "done before is not known any more, so nothing is done here until this worker is "
                "started anew; then a message that comes again may take effect again"
            )
            log.error(self.lost)

    def _give_up(self, why: str) -> None:
        if not self.lost:
            self.lost = (
                f"the inbox {self._path} broke ({why}), so nothing is done here until this worker "
                "is started anew"
            )
            log.error(self.lost)

    def _others(self) -> list[Asked]:
        others: list[Asked] = []
        while len(others) < TOGETHER:
            try:
                asked = self._asked.get_nowait()
            except Empty:
                break
            if asked is None:
                self._asked.put(None)  # for the outer loop to end at
                break
            others.append(asked)
        return others


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells this file from any other that may stand in its place; None of none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_MS / 1000)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    for statement in _SCHEMA:
        connection.execute(statement)


def _commit(connection: sqlite3.Connection, works: list[Work]) -> list[object]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        results = [work(connection) for work in works]
        connection.execute("COMMIT")
    except BaseException:  # also one nobody thought of must leave the file to other processes
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return results


def _tell(batch: list[Asked], results: Sequence[object]) -> None:
    def tell() -> None:
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():  # nobody waits any more
                continue
            if isinstance(result, InboxError):
                future.set_exception(result)
            else:
                future.set_result(result)

    loop = batch[0][1].get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(tell)


def _boot() -> str:
    """Return what tells this run of the host from others: leases count monotonic seconds."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # not Linux
        return ""
