"""What JSON allows and a message must not have: one key twice, numbers nobody can write again.

A parser keeps the last of two equal keys and says nothing, so two readers may see two messages.
Finding them must not cost a second parse, so keys are counted: in the bytes every key is followed
by `":` (or by white space between, which is looked for), and text inside strings can only add to
that count. The parsed message holds each different key once. Equal counts therefore prove that no
key came twice; unequal ones prove nothing, and an exact and slower check decides.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any, Final

#: Objects and lists within one another; deeper is nobody's data, and breaks recursive readers.
MOST_DEEP: Final = 64
#: What JSON writers agree on: 64 bits, signed or not.
SMALLEST: Final = -(2**63)
LARGEST: Final = 2**64 - 1

_SPACED: Final = re.compile(rb'"[ \t\r\n]+:')


class Unfit(ValueError):
    """A value inside a free object that cannot be carried; the message says why."""


class Twice(ValueError):
    """A key came twice in one object."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def count_keys(value: Any, deep: int = 0) -> int:  # noqa: C901 - one flat look at each type
    """Return how many keys a parsed free value holds; raises Unfit for what cannot be carried."""
    if type(value) is str:
        return 0
    if isinstance(value, dict):
        if deep >= MOST_DEEP:
            raise Unfit(f"nested deeper than {MOST_DEEP} levels")
        count = len(value)
        for inner in value.values():
            if type(inner) is not str:
                count += count_keys(inner, deep + 1)
        return count
    if isinstance(value, list | tuple):
        if deep >= MOST_DEEP:
            raise Unfit(f"nested deeper than {MOST_DEEP} levels")
        return sum(count_keys(inner, deep + 1) for inner in value if type(inner) is not str)
    if isinstance(value, float):
        if not isfinite(value):
            raise Unfit("a number is not finite")
    elif isinstance(value, int) and not SMALLEST <= value <= LARGEST:
        raise Unfit("a whole number does not fit 64 bits")
    return 0


def refuse_twice(body: bytes, keys: int) -> None:
    """Raise Twice if an object in `body` has one key two times; `keys` is what the parse kept."""
    if body.count(b'":') == keys and _SPACED.search(body) is None:
        return
    json.loads(body, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise Twice(key)
        seen.add(key)
