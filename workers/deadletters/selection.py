"""Which letters are meant. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from workers.deadletters.letter import Summary

#: Characters of an id that must be given; fewer would too easily mean another letter tomorrow.
LEAST_ID: Final = 6


class TooShort(ValueError):
    """The beginning of an id that is no use: give more of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Letters that fit everything given; an empty selection means them all.

    `ids` may be beginnings of ids, at least six characters long; raises TooShort otherwise.
    """

    ids: tuple[str, ...] = ()
    error_code: str | None = None
    fingerprint: str | None = None
    message_type: str | None = None
    task_type: str | None = None

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

    def meant(self, letter: Summary) -> bool:
        """Whether a letter fits."""
        return (
            (self.error_code is None or letter.error_code == self.error_code)
            and (self.fingerprint is None or letter.fingerprint == self.fingerprint)
            and (self.message_type is None or letter.message_type == self.message_type)
            and (self.task_type is None or letter.task_type == self.task_type)
            and (not self.ids or any(map(letter.id.startswith, self.ids)))
        )


_EVERYTHING: Final = Selection()
