"""An inbox in PostgreSQL, for workers on any number of hosts.

A processor registered with `transaction=True` writes through `context.transaction`, a connection of
psycopg: its rows and the mark that the message is done commit together, or neither does.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from workers.inbox.port import (
    FORGET,
    LEASE,
    Busy,
    Claimed,
    Entry,
    Inbox,
    InboxError,
    Kept,
    Verdict,
)
from workers.inbox.rows import standing

try:
    import psycopg
    from psycopg.pq import TransactionStatus
except ImportError as error:  # pragma: no cover - only without the extra
    raise InboxError(
        "an inbox in PostgreSQL needs psycopg: install leveret with the extra `postgresql`"
    ) from error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from types import TracebackType

    Connection = psycopg.AsyncConnection[tuple[Any, ...]]

#: Connections of one worker process for claims, and for transactions, which hold one each.
MOST_CONNECTIONS: Final = 4
MOST_TRANSACTIONS: Final = 8
#: Seconds to reach the server.
CONNECT_WITHIN: Final = 5
#: How a line that was cut without a word is noticed, in libpq's words: what was sent is to be
#: acknowledged within 10,000 ms, and a silent server is asked after 5 s, three times. The system's
#: own bounds are minutes and hours.
CUT_MS: Final = 10_000
ASK_AFTER, ASK_AGAIN, ASK_TIMES = 5, 5, 3
#: Milliseconds to wait for a message that another transaction is at, before it counts as busy.
WAIT_MS: Final = 2_000
#: Any number that is ours: makes two workers that start at once create the table one by one.
_SCHEMA_LOCK: Final = 5_711_308_113

_SCHEMA: Final = (
    (
        "CREATE TABLE IF NOT EXISTS leveret_inbox (key bytea PRIMARY KEY, digest bytea NOT NULL,"
        " token text NOT NULL, until timestamptz NOT NULL, done_at timestamptz,"
        " message_type text, body bytea)"
    ),
    "CREATE INDEX IF NOT EXISTS leveret_inbox_by_age ON leveret_inbox (done_at)",
)
# clock_timestamp(): now() stands still within a transaction, also while it waits for another one.
_CLAIM: Final = (
    "INSERT INTO leveret_inbox AS inbox (key, digest, token, until)"
    " VALUES (%s, %s, %s, clock_timestamp() + %s * interval '1 second')"
    " ON CONFLICT (key) DO UPDATE SET token = excluded.token, until = excluded.until"
    " WHERE inbox.done_at IS NULL AND inbox.digest = excluded.digest"
    " AND inbox.until < clock_timestamp()"
)
_LOOK: Final = "SELECT digest, done_at, message_type, body FROM leveret_inbox WHERE key = %s"
_KEEP: Final = (
    "UPDATE leveret_inbox SET done_at = clock_timestamp(), message_type = %s, body = %s"
    " WHERE key = %s AND token = %s AND done_at IS NULL"
)
_RELEASE: Final = "DELETE FROM leveret_inbox WHERE key = %s AND token = %s AND done_at IS NULL"
_RENEW: Final = (
    "UPDATE leveret_inbox SET until = clock_timestamp() + %s * interval '1 second'"
    " WHERE key = ANY(%s) AND token = ANY(%s) AND done_at IS NULL"
)
_PRUNE: Final = (
    "DELETE FROM leveret_inbox WHERE key IN (SELECT key FROM leveret_inbox"
    " WHERE coalesce(done_at, until) < clock_timestamp() - %s * interval '1 second'"
    " LIMIT %s FOR UPDATE SKIP LOCKED)"
)


@dataclass
class PostgresqlTransaction:
    """One transaction: what stands against the work, and the connection it is done on."""

    connection: Connection
    verdict: Verdict
    entry: Entry

    async def keep(self, kept: Kept) -> None:
        """Mark the message as done, with the commit; raises InboxError when the claim is gone."""
        with _told():
            if not await _keep(self.connection, self.entry, kept):
                raise InboxError("the claim was taken over; nothing of this attempt is kept")


class PostgresqlInbox(Inbox):
    """Claims and answers in a table."""

    def __init__(self, url: str, *, lease: float = LEASE) -> None:
        self._url = url
        self._lease = lease
        self._room = asyncio.Semaphore(MOST_CONNECTIONS)
        self._transactions = asyncio.Semaphore(MOST_TRANSACTIONS)
        self._idle: list[Connection] = []

    @classmethod
    async def open(cls, url: str, *, lease: float = LEASE) -> PostgresqlInbox:
        """Return an inbox whose table is there, or raise InboxError."""
        inbox = cls(url, lease=lease)
        async with inbox._own() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
            there = await connection.execute("SELECT to_regclass('leveret_inbox')")
            # A user who may only read and write needs no right to create.
            if await there.fetchone() == (None,):
                for statement in _SCHEMA:
                    await connection.execute(statement)
        return inbox

    async def claim(self, entry: Entry) -> Verdict:
        """Claim a message, or say what stands against it."""
        async with self._own() as connection:
            return await self._claim(connection, entry)

    async def keep(self, entry: Entry, kept: Kept) -> bool:
        """Mark a claimed message as done; False when the claim was lost."""
        async with self._own() as connection:
            return await _keep(connection, entry, kept)

    async def release(self, entry: Entry) -> None:
        """Let go of a claim whose work failed."""
        async with self._own() as connection:
            await connection.execute(_RELEASE, (entry.key, entry.token))

    async def renew(self, entries: Sequence[Entry]) -> None:
        """Make claims last for another lease."""
        keys, tokens = [entry.key for entry in entries], [entry.token for entry in entries]
        async with self._own() as connection:
            await connection.execute(_RENEW, (self._lease, keys, tokens))

    async def prune(self, older_than: float) -> int:
        """Forget some of what was done longer ago, and claims nobody took over for as long."""
        async with self._own() as connection:
            return (await connection.execute(_PRUNE, (older_than, FORGET))).rowcount

    async def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            await self._idle.pop().close()

    @asynccontextmanager
    async def transaction(self, entry: Entry) -> AsyncIterator[PostgresqlTransaction]:
        """Lend a transaction that commits at the end, and rolls back on whatever is raised."""
        async with (
            self._transactions,
            self._connection() as connection,
            _committed(connection),
        ):
            with _told():
                verdict = await self._claim(connection, entry)
                # What the processor waits for is its own affair.
                await connection.execute("SET LOCAL lock_timeout = 0")
            yield PostgresqlTransaction(connection, verdict, entry)

    async def _claim(self, connection: Connection, entry: Entry) -> Verdict:
        row = (entry.key, entry.digest, entry.token, self._lease)
        try:
            # Within a savepoint: a wait given up would spoil the whole transaction.
            async with connection.transaction():
                if (await connection.execute(_CLAIM, row)).rowcount:
                    return Claimed()
        except psycopg.errors.LockNotAvailable:
            return Busy()
        found = await connection.execute(_LOOK, (entry.key,))
        return standing(await found.fetchone(), entry)

    @asynccontextmanager
    async def _own(self) -> AsyncIterator[Connection]:
        """Lend a connection for statements of the inbox's own, committed together."""
        with _told():
            async with self._room, self._connection() as connection, _committed(connection):
                yield connection

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        connection = self._idle.pop() if self._idle else await self._connect()
        try:
            yield connection
        finally:
            idle = connection.info.transaction_status == TransactionStatus.IDLE
            if idle and not connection.closed:
                self._idle.append(connection)
            else:
                with suppress(psycopg.Error):
                    await connection.close()

    async def _connect(self) -> Connection:
        with _told():
            return await psycopg.AsyncConnection.connect(
                self._url,
                autocommit=True,
                connect_timeout=CONNECT_WITHIN,
                application_name="leveret inbox",
                options=f"-c lock_timeout={WAIT_MS}",
                tcp_user_timeout=CUT_MS,
                keepalives_idle=ASK_AFTER,
                keepalives_interval=ASK_AGAIN,
                keepalives_count=ASK_TIMES,
            )


class _committed:  # noqa: N801 - used like a function
    """Runs a block in a transaction; an error of the store's own is told as InboxError."""

    def __init__(self, connection: Connection) -> None:
        self._transaction = connection.transaction()

    async def __aenter__(self) -> None:
        with _told():
            await self._transaction.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _told():
            await self._transaction.__aexit__(kind, error, trace)


async def _keep(connection: Connection, entry: Entry, kept: Kept) -> bool:
    row = (kept.message_type, kept.body, entry.key, entry.token)
    return bool((await connection.execute(_KEEP, row)).rowcount)


@contextmanager
def _told() -> Iterator[None]:
    """Tell an error of the store's; without its text, which may quote the address."""
    try:
        yield
    except psycopg.Error as error:
        raise InboxError(
            f"the inbox in PostgreSQL cannot be used ({type(error).__name__}); does the server "
            "run, may this user read and write the table leveret_inbox?"
        ) from error
