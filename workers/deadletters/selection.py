"""Which letters are meant. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from workers.deadletters.letter import Summary
    from workers.deadletters.masking import Masking

#: Characters of an id that must be given; fewer would too easily mean another letter tomorrow.
LEAST_ID: Final = 6


class TooShort(ValueError):
    """The beginning of an id that is no use: give more of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Letters that fit everything given; an empty selection means them all.

    `ids` may be beginnings of ids, at least six characters long; raises TooShort otherwise. A
    fingerprint may be a beginning too. Times say when a letter failed, `until` excluded.
    """

    ids: tuple[str, ...] = ()
    error_code: str | None = None
    fingerprint: str | None = None
    message_type: str | None = None
    task_type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    #: Who the message says it comes from.
    agent: str | None = None
    #: A text in the body, as it stands there and may be seen.
    contains: str | None = None

    def __post_init__(self) -> None:
        for beginning in self.ids:
            if len(beginning) < LEAST_ID:
                raise TooShort(
                    f"{beginning!r} is too short to name a dead letter; give at least "
                    f"{LEAST_ID} characters of its id",
                )

    @property
    def everything(self) -> bool:
        """Whether nothing is asked of a letter."""
        return self == _EVERYTHING

    def without_text(self) -> Selection:
        """Return the same without what is asked of bodies."""
        return self if self.contains is None else replace(self, contains=None)

    @property
    def described(self) -> str:
        """What is asked, in one line; empty if nothing."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        return " ".join(
            f"{name}={','.join(value) if isinstance(value, tuple) else value}"
            for name, value in told.items()
            if value
        )

    def meant(self, letter: Summary) -> bool:
        """Whether a letter fits, as far as can be told without its body."""
        return (
            (self.error_code is None or letter.error_code == self.error_code)
            and (self.fingerprint is None or letter.fingerprint.startswith(self.fingerprint))
            and (self.message_type is None or letter.message_type == self.message_type)
            and (self.task_type is None or letter.task_type == self.task_type)
            and (self.agent is None or letter.agent == self.agent)
            and (not self.ids or letter.id.startswith(self.ids))
            and self._in_time(letter.failed_at)
        )

    def body_meant(self, body: bytes, masking: Masking) -> bool:
        """Whether the body fits too, as far as it may be seen: a guess must not confirm a secret.

        A text that is nowhere in it, hidden or not, is looked for first: that costs nothing.
        """
        if self.contains is None:
            return True
        text = self.contains.encode()
        return text in body and text in masking.shown(body)

    def _in_time(self, failed_at: str | None) -> bool:
        if self.since is None and self.until is None:
            return True
        if failed_at is None:
            return False
        when = datetime.fromisoformat(failed_at)
        return (self.since is None or when >= self.since) and (
            self.until is None or when < self.until
        )


_EVERYTHING: Final = Selection()
