"""An inbox of one process, for tests and rehearsals: forgets everything with it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workers.inbox.port import LEASE, Busy, Claimed, Differs, Done, Entry, Inbox, Kept, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class _Row:
    digest: bytes
    token: str
    until: float
    kept: Kept | None = None
    done_at: float = 0.0


@dataclass
class MemoryInbox(Inbox):
    """Does what the others do, in a dictionary; two of them can share one."""

    lease: float = LEASE
    rows: dict[bytes, _Row] = field(default_factory=dict)

    async def claim(self, entry: Entry) -> Verdict:
        """Claim a message, or say what stands against it."""
        now = time.monotonic()
        row = self.rows.get(entry.key)
        if row is None:
            self.rows[entry.key] = _Row(entry.digest, entry.token, now + self.lease)
            return Claimed()
        if row.digest != entry.digest:
            return Differs()
        if row.kept is not None:
            return Done(row.kept)
        if row.until >= now:
            return Busy()
        row.token, row.until = entry.token, now + self.lease
        return Claimed()

    async def keep(self, entry: Entry, kept: Kept) -> bool:
        """Mark a claimed message as done; False when the claim was lost."""
        row = self._mine(entry)
        if row is None:
            return False
        row.kept, row.done_at = kept, time.monotonic()
        return True

    async def release(self, entry: Entry) -> None:
        """Let go of a claim whose work failed."""
        if self._mine(entry) is not None:
            del self.rows[entry.key]

    async def renew(self, entries: Sequence[Entry]) -> None:
        """Make claims last for another lease."""
        for row in filter(None, map(self._mine, entries)):
            row.until = time.monotonic() + self.lease

    async def prune(self, older_than: float) -> int:
        """Forget what was done longer ago, and claims that nobody took over for as long."""
        before = time.monotonic() - older_than
        old = [
            key
            for key, row in self.rows.items()
            if (row.until if row.kept is None else row.done_at) < before
        ]
        for key in old:
            del self.rows[key]
        return len(old)

    async def close(self) -> None:
        """Do nothing."""

    def _mine(self, entry: Entry) -> _Row | None:
        row = self.rows.get(entry.key)
        return row if row is not None and row.token == entry.token and row.kept is None else None
