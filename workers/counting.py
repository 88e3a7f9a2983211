"""How many of something, as a person says it."""

from __future__ import annotations


def plural(number: int, one: str, many: str = "") -> str:
    """Return `1 message`, `2 messages`; `many` is what else than an `s` makes it several."""
    return f"{number} {one}" if number == 1 else f"{number} {many or f'{one}s'}"
