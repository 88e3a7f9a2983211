"""What the stores in SQL have in common: how a row stands against a claim."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workers.inbox.port import Busy, Differs, Done, Kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers.inbox.port import Entry


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
