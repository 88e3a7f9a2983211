"""How many of something, as a person says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Names told of many.
MOST_NAMES: Final = 4


def plural(number: int, one: str, many: str = "") -> str:
    """Return `1 message`, `2 messages`; `many` is what else than an `s` makes it several."""
    return f"{number} {one}" if number == 1 else f"{number} {many or f'{one}s'}"


def some(names: Sequence[str], between: str = ", ") -> str:
    """Return the first names of many, and how many more there are."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return between.join(names[:MOST_NAMES]) + more
