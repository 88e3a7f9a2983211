"""What a group allows and to whom, and the context each of its messages is checked in. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from messages import SecurityLevel, ValidationContext
from messages.context import FORBIDDEN_WORDS
from workers.outcome import made

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from workers.request import Request


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """The rules of a group; senders are users of the broker, which vouches for them."""

    level: SecurityLevel = SecurityLevel.PUBLIC
    #: Who may send documents; everybody where it names nobody.
    cleared: frozenset[str] = frozenset()
    #: Who may move large amounts.
    approved: frozenset[str] = frozenset()
    forbidden_words: tuple[str, ...] = FORBIDDEN_WORDS
    #: Whether there is maintenance just now.
    maintenance: Callable[[], bool] = _never

    def context(
        self, request: Request, known: Mapping[str, Callable[[str], bool]], now: datetime
    ) -> ValidationContext:
        """Return the context a delivery is checked in; nothing in it comes from its body."""
        past = request.past
        user = request.sender
        cleared = not self.cleared or user in self.cleared
        return made(
            ValidationContext,
            (
                self.level if cleared else None,
                user,
                "replay" if past.replays else "retry" if past.attempts else "process",
                now,
                self.maintenance(),
                user in self.approved,
                self.forbidden_words,
                known,
            ),
        )
