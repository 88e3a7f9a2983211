"""An inbox whose file is taken away while it is open lets no work pass that it cannot remember."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

import pytest

from workers.inbox.once import Once
from workers.inbox.port import Claimed, Entry, InboxError, Kept
from workers.inbox.sqlite import SqliteInbox
from workers.outcome import Retried
from workers.probes.health import Health
from workers.testing import Rehearsal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from workers import Registry


def entry() -> Entry:
    """Return a message that nobody has seen."""
    return Entry(secrets.token_bytes(16), b"body", secrets.token_hex(8))


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[SqliteInbox]:
    """Lend an inbox in a file."""
    inbox = await SqliteInbox.open(tmp_path / "inbox.db")
    yield inbox
    await inbox.close()


def removed(directory: Path) -> None:
    """Take the file away, and what stands beside it."""
    for file in directory.glob("inbox.db*"):
        file.unlink()


def replaced(directory: Path) -> None:
    """Put another file into its place, as a backup is brought back."""
    removed(directory)
    (directory / "inbox.db").touch()


@pytest.mark.parametrize("harm", [removed, replaced])
async def test_a_file_that_is_gone_is_noticed_at_the_next_message(
    inbox: SqliteInbox, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    """No mark is written where nobody will look for it; the reason says what is lost."""
    first = entry()
    assert await inbox.claim(first) == Claimed()
    assert not inbox.lost
    harm(tmp_path)
    with pytest.raises(InboxError, match="was removed or replaced"):
        await inbox.keep(first, Kept())
    with pytest.raises(InboxError):
        await inbox.claim(entry())
    assert "may take effect again" in inbox.lost


async def test_a_worker_started_anew_makes_a_new_file(inbox: SqliteInbox, tmp_path: Path) -> None:
    """Also while another one still has the old one open."""
    await inbox.claim(entry())
    (tmp_path / "inbox.db").unlink()
    again = await SqliteInbox.open(tmp_path / "inbox.db")
    assert await again.claim(entry()) == Claimed()
    with pytest.raises(InboxError):
        await inbox.claim(entry())
    assert await again.claim(entry()) == Claimed()
    await again.close()


async def test_work_waits_for_an_inbox_that_is_lost(
    inbox: SqliteInbox, tmp_path: Path, shop: Registry
) -> None:
    """No effect without a claim: it is put off, and no attempt is counted."""
    rehearsal = Rehearsal(shop, inbox=inbox)
    removed(tmp_path)
    outcome = await rehearsal.task("echo")
    assert isinstance(outcome, Retried)
    assert outcome.held


@pytest.fixture
def shop() -> Registry:
    """Return the examples' registry."""
    import examples  # noqa: PLC0415 - one test asks

    return examples.registry


async def test_a_worker_whose_inbox_is_lost_is_not_ready_and_leaves_in_time(
    inbox: SqliteInbox, tmp_path: Path
) -> None:
    """Whoever supervises it starts it anew, with a new file."""
    once = Once(inbox, retention=1.0)
    removed(tmp_path)
    with pytest.raises(InboxError):
        await inbox.claim(entry())
    now = 100.0
    health = Health(clock=lambda: now)
    health.consuming()
    assert health.reason is None
    health.line("inbox", f"inbox: {once.lost}")
    now += 130.0
    assert health.reason is not None
    assert health.reason.startswith("inbox: the inbox ")
    assert health.not_consuming_for() == 130.0


async def test_an_inbox_that_broke_says_so_and_leaves_the_file_to_others(
    inbox: SqliteInbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it was: nobody waits for an answer that never comes, and the worker leaves."""

    def broken(_row: object, _entry: Entry) -> None:
        raise RuntimeError

    first = entry()
    await inbox.claim(first)
    with monkeypatch.context() as patch:
        patch.setattr("workers.inbox.sqlite.standing", broken)
        async with asyncio.timeout(15):
            with pytest.raises(InboxError, match="broke"):
                await inbox.claim(first)
    async with asyncio.timeout(15):
        with pytest.raises(InboxError, match="started anew"):
            await inbox.claim(entry())
    assert "RuntimeError" in inbox.lost
    again = await SqliteInbox.open(tmp_path / "inbox.db")
    assert await again.claim(entry()) == Claimed()
    await again.close()
