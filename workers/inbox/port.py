"""What every inbox does: claim a message, keep its answer, let go of what failed.

A claim is a lease under a token of its own: whoever holds it renews it while the work lasts, and a
claim whose holder died can be taken over once the lease has run out. What was taken over can no
longer be kept by its first holder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

#: Seconds a claim lasts that nobody renews: how long a message waits whose worker died.
LEASE: Final = 10.0
#: Rows forgotten in one commit, so that nobody waits long behind it.
FORGET: Final = 1_000


class InboxError(Exception):
    """The inbox cannot be used now, or as configured; the message says why and what to do."""


class Entry(NamedTuple):
    """Which message, and which attempt at it."""

    #: Hash of the sender and the envelope id.
    key: bytes
    #: Hash of the body: the same id with another body is another message.
    digest: bytes
    #: Names this claim, and no other one ever.
    token: str


class Kept(NamedTuple):
    """The answer of a message that is done; no body where nobody had asked for one."""

    message_type: str = ""
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """The message is ours to do."""


@dataclass(frozen=True, slots=True)
class Done:
    """It was done before."""

    kept: Kept


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody is at it."""


@dataclass(frozen=True, slots=True)
class Differs:
    """The id was used for another body."""


Verdict: TypeAlias = Claimed | Done | Busy | Differs


class Inbox(Protocol):
    """One store of claims and answers; every verb may raise InboxError."""

    #: Why nothing can be asked any more until the worker is started anew; empty while it can.
    lost: str = ""

    async def claim(self, entry: Entry) -> Verdict:
        """Claim a message, or say what stands against it."""

    async def keep(self, entry: Entry, kept: Kept) -> bool:
        """Mark a claimed message as done; False when the claim was lost."""

    async def release(self, entry: Entry) -> None:
        """Let go of a claim whose work failed, so that the next attempt finds nothing."""

    async def renew(self, entries: Sequence[Entry]) -> None:
        """Make the claims of work that goes on last for another lease."""

    async def prune(self, older_than: float) -> int:
        """Forget some of what was done more than so many seconds ago; returns how much that was.

        From FORGET on there may be more.
        """

    async def close(self) -> None:
        """Let go of the store."""


class Transaction(Protocol):
    """A transaction of the store's, in which a processor writes beside the mark."""

    #: What stands against the work, if anything.
    verdict: Verdict
    #: The store's own connection, for `context.transaction`.
    connection: Any

    async def keep(self, kept: Kept) -> None:
        """Mark the message as done, with the commit."""


@runtime_checkable
class Transactional(Protocol):
    """An inbox that lets a processor write in its transaction."""

    def transaction(self, entry: Entry) -> AbstractAsyncContextManager[Transaction]:
        """Lend a transaction that commits at the end, and rolls back on whatever is raised."""
