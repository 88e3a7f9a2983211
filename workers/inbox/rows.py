"""What the stores in SQL have in common: how a row stands against a claim, how old ones go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from workers.inbox.port import Busy, Differs, Done, Kept

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from workers.inbox.port import Entry

#: Rows forgotten in one commit, so that nobody waits long behind it.
FORGET: Final = 1_000


def standing(row: Sequence[Any] | None, entry: Entry) -> Done | Busy | Differs:
    """Return what a row (digest, done_at, message_type, body) says to whoever could not claim it.

    No row any more is one that was let go of at this moment.
    """
    if row is None:
        return Busy()
    digest, done_at, message_type, body = row
    if digest != entry.digest:
        return Differs()
    return Busy() if done_at is None else Done(Kept(message_type, body))


async def forget(some: Callable[[], Awaitable[int]]) -> int:
    """Forget `some`, at most FORGET rows, until there are no more; returns how many there were."""
    forgotten = 0
    while True:
        more = await some()
        forgotten += more
        if more < FORGET:
            return forgotten
