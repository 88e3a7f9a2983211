"""A transaction of the inbox's: how long it may take to begin and to end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from calling import Words

from workers import Context, Registry
from workers.inbox.memory import MemoryInbox
from workers.inbox.port import Claimed, Entry, InboxError, Kept
from workers.inbox.postgresql import PostgresqlInbox
from workers.outcome import Replied, Retried
from workers.testing import Rehearsal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Lent:
    """A transaction that was claimed."""

    verdict = Claimed()
    connection = None

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent

    async def keep(self, _kept: Kept) -> None:
        """Mark the message as done."""
        if self._silent:
            await silence()


class SilentAt(MemoryInbox):
    """Lends transactions, and at one step says nothing any more."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step = step

    @asynccontextmanager
    async def transaction(self, _entry: Entry) -> AsyncIterator[Lent]:
        """Begin, lend, commit."""
        if self._step == "claim":
            await silence()
        yield Lent(silent=self._step == "keep")
        if self._step == "commit":
            await silence()


async def silence() -> None:
    """Wait for ever."""
    await asyncio.get_running_loop().create_future()


def paying(error: Exception | None = None) -> Registry:
    """Return a registry with a processor that asks for a transaction."""
    registry = Registry()

    @registry.task("pay", parameters=Words, transaction=True)
    async def pay(words: Words, _context: Context) -> Words:
        if error is not None:
            raise error
        return words

    return registry


@pytest.mark.parametrize("step", ["claim", "keep", "commit"])
async def test_a_store_that_says_nothing_holds_no_message_for_ever(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits at the broker, no attempt counted, wherever the line was cut."""
    monkeypatch.setattr("workers.inbox.once.WITHIN", 0.01)
    async with asyncio.timeout(15):
        outcome = await Rehearsal(paying(), inbox=SilentAt(step)).task("pay")
    assert isinstance(outcome, Retried)
    assert (outcome.held, outcome.attempt) == (True, 0)


async def test_a_processor_that_times_out_has_failed_and_not_the_inbox() -> None:
    """Its attempt counts, as it would without an inbox."""
    outcome = await Rehearsal(paying(TimeoutError()), inbox=SilentAt("")).task("pay")
    assert isinstance(outcome, Retried)
    assert (outcome.held, outcome.attempt) == (False, 1)


async def test_what_is_done_in_time_is_answered() -> None:
    """The bound is no hindrance."""
    outcome = await Rehearsal(paying(), inbox=SilentAt("")).task("pay")
    assert isinstance(outcome, Replied)


async def test_a_line_to_postgresql_that_was_cut_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within seconds, where the system's own bounds are minutes and hours."""
    given: dict[str, Any] = {}

    async def connect(_url: str, **more: Any) -> None:
        given.update(more)
        raise psycopg.OperationalError

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", connect)
    with pytest.raises(InboxError):
        await PostgresqlInbox.open("postgresql://nowhere/at-all")
    assert given["tcp_user_timeout"] == 10_000
    assert given["keepalives_idle"] + given["keepalives_interval"] * given["keepalives_count"] == 20
