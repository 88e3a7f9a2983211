"""What every inbox does, whichever store it has."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from waiting import until

from workers.inbox.memory import MemoryInbox
from workers.inbox.port import Busy, Claimed, Differs, Done, Entry, Inbox, Kept
from workers.inbox.postgresql import PostgresqlInbox
from workers.inbox.sqlite import SqliteInbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    #: Opens the same store once more, as another worker process does.
    Open = Callable[[float], Awaitable[Inbox]]

#: Seconds: a lease that nothing here outlives, and one that is over soon.
LONG, SHORT = 60.0, 0.2
#: Seconds: a lease that a busy machine can renew in time.
LEASE = 1.0
ANSWER = Kept("task_response", b'{"done": true}')


def entry(digest: bytes = b"body") -> Entry:
    """Return the first attempt at a message nobody has seen."""
    return Entry(secrets.token_bytes(16), digest, secrets.token_hex(8))


def another(first: Entry, **changes: Any) -> Entry:
    """Return another attempt at the same message."""
    return first._replace(token=secrets.token_hex(8), **changes)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Lend a way to open the same store any number of times."""
    opened: list[Inbox] = []
    rows: dict[bytes, Any] = {}

    async def memory(lease: float) -> Inbox:
        return MemoryInbox(lease, rows)

    ways: dict[str, Callable[..., Awaitable[Inbox]]] = {
        "memory": memory,
        "sqlite": lambda lease: SqliteInbox.open(tmp_path / "inbox.db", lease=lease),
    }
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
        ways["postgresql"] = lambda lease: PostgresqlInbox.open(url, lease=lease)

    async def open_(lease: float) -> Inbox:
        opened.append(await ways[request.param](lease))
        return opened[-1]

    yield open_
    for inbox in opened:
        await inbox.close()


@pytest.fixture
async def inbox(store: Open) -> Inbox:
    """Return the store, opened once."""
    return await store(LONG)


async def test_what_is_claimed_and_kept_gives_its_answer_to_every_duplicate(inbox: Inbox) -> None:
    """Byte for byte, as often as it is asked."""
    first = entry()
    assert await inbox.claim(first) == Claimed()
    assert await inbox.keep(first, ANSWER)
    for _ in range(3):
        assert await inbox.claim(another(first)) == Done(ANSWER)


async def test_an_answer_that_nobody_wanted_is_kept_as_none(inbox: Inbox) -> None:
    """It was done all the same."""
    first = entry()
    await inbox.claim(first)
    await inbox.keep(first, Kept())
    assert await inbox.claim(another(first)) == Done(Kept())


async def test_a_message_that_is_being_done_is_busy_for_others(inbox: Inbox) -> None:
    """It is not done a second time beside the first."""
    first = entry()
    await inbox.claim(first)
    assert await inbox.claim(another(first)) == Busy()


async def test_the_same_id_with_another_body_differs(inbox: Inbox) -> None:
    """While the first is being done, and when it is done."""
    first = entry()
    await inbox.claim(first)
    assert await inbox.claim(another(first, digest=b"other")) == Differs()
    await inbox.keep(first, ANSWER)
    assert await inbox.claim(another(first, digest=b"other")) == Differs()


async def test_what_is_released_can_be_claimed_again_also_with_another_body(inbox: Inbox) -> None:
    """A failed attempt leaves nothing behind."""
    first = entry()
    await inbox.claim(first)
    await inbox.release(first)
    assert await inbox.claim(another(first, digest=b"corrected")) == Claimed()


async def test_of_many_who_claim_at_once_one_gets_it(store: Open) -> None:
    """In one process and in another."""
    one, two = await store(LONG), await store(LONG)
    first = entry()
    verdicts = await asyncio.gather(
        *(inbox.claim(another(first)) for inbox in (one, two) for _ in range(25)),
    )
    assert verdicts.count(Claimed()) == 1
    assert verdicts.count(Busy()) == 49


async def test_two_workers_see_each_others_answers(store: Open) -> None:
    """A duplicate may come to anybody."""
    one, two = await store(LONG), await store(LONG)
    first = entry()
    await one.claim(first)
    await one.keep(first, ANSWER)
    assert await two.claim(another(first)) == Done(ANSWER)


async def until_claimed(inbox: Inbox, first: Entry) -> Entry:
    """Try until the claim of a dead worker has run out; return the one that took over."""

    async def taken() -> Entry | None:
        following = another(first)
        return following if await inbox.claim(following) == Claimed() else None

    following = await until(taken, pause=SHORT / 10)
    assert following is not None
    return following


async def test_the_claim_of_a_worker_that_died_is_taken_over(store: Open) -> None:
    """And if it was not dead after all, its answer is no longer taken."""
    inbox = await store(SHORT)
    first = entry()
    await inbox.claim(first)
    second = await until_claimed(inbox, first)
    assert not await inbox.keep(first, Kept("late", b"late"))
    await inbox.release(first)
    assert await inbox.keep(second, ANSWER)
    assert await inbox.claim(another(first)) == Done(ANSWER)


async def test_a_claim_that_is_renewed_is_not_taken_over(store: Open) -> None:
    """Work may last longer than a lease, as one shows that is claimed after it and not renewed."""
    inbox = await store(LEASE)
    first, dead = entry(), entry()
    await inbox.claim(first)
    await inbox.claim(dead)

    async def ran_out() -> bool:
        await inbox.renew([first])
        return await inbox.claim(another(dead)) == Claimed()

    await until(ran_out)
    assert await inbox.claim(another(first)) == Busy()


async def test_an_answer_is_kept_once(inbox: Inbox) -> None:
    """What is done cannot be released or done over."""
    first = entry()
    await inbox.claim(first)
    assert await inbox.keep(first, ANSWER)
    assert not await inbox.keep(first, Kept("again", b"again"))
    await inbox.release(first)
    assert await inbox.claim(another(first)) == Done(ANSWER)


async def test_what_is_old_is_forgotten_and_nothing_else(inbox: Inbox) -> None:
    """The store stays as small as the retention says."""
    first, open_one = entry(), entry()
    await inbox.claim(first)
    await inbox.keep(first, ANSWER)
    await inbox.claim(open_one)
    await inbox.prune(3600)
    assert await inbox.claim(another(first)) == Done(ANSWER)
    await until(partial(inbox.prune, 0))  # older than nothing at all, by the store's clock
    assert await inbox.claim(another(first)) == Claimed()
    assert await inbox.claim(another(open_one)) == Busy()


@asynccontextmanager
async def table(url: str) -> AsyncIterator[PostgresqlInbox]:
    """Lend an inbox beside a table that a processor writes to."""
    inbox = await PostgresqlInbox.open(url)
    async with inbox._own() as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS effects (what text)")
        await connection.execute("DELETE FROM effects")
    try:
        yield inbox
    finally:
        await inbox.close()


async def effects(inbox: PostgresqlInbox) -> list[str]:
    """Return what was written."""
    async with inbox._own() as connection:
        rows = await connection.execute("SELECT what FROM effects")
        return [what for (what,) in await rows.fetchall()]


async def write(inbox: PostgresqlInbox, first: Entry, what: str, error: Exception | None) -> object:
    """Write in a transaction and keep the answer, or fail first."""
    async with inbox.transaction(first) as transaction:
        if transaction.verdict != Claimed():
            return transaction.verdict
        await transaction.connection.execute("INSERT INTO effects VALUES (%s)", (what,))
        if error is not None:
            raise error
        await transaction.keep(ANSWER)
    return Claimed()


async def test_effect_and_mark_commit_together(postgresql_url: str) -> None:
    """Both are there, or neither is; a duplicate finds the answer."""
    first = entry()
    async with table(postgresql_url) as inbox:
        with pytest.raises(ValueError, match="no"):
            await write(inbox, first, "never", ValueError("no"))
        assert await effects(inbox) == []
        assert await write(inbox, another(first), "once", None) == Claimed()
        assert await write(inbox, another(first), "twice", None) == Done(ANSWER)
        assert await effects(inbox) == ["once"]


async def test_of_many_transactions_at_once_one_has_an_effect(postgresql_url: str) -> None:
    """The others wait for its end and get its answer."""
    first = entry()
    async with table(postgresql_url) as inbox:
        writing = partial(write, inbox, what="once", error=None)
        verdicts = await asyncio.gather(*(writing(another(first)) for _ in range(20)))
        assert verdicts.count(Claimed()) == 1
        assert verdicts.count(Done(ANSWER)) == 19
        assert await effects(inbox) == ["once"]
