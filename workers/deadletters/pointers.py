"""JSON pointers: the places in a body that they mean. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.deadletters.spans import Node

#: Any key or index.
ANY: Final = "*"
#: Any index, and no key; no pointer that a person writes means it.
EACH: Final = "\x00"
#: A `~` that stands for nothing.
_NO_ESCAPE: Final = re.compile("~(?![01])")


class BadPointer(ValueError):
    """What was given is no JSON pointer, or leads nowhere."""


def keys_of(pointer: str) -> tuple[str, ...]:
    """Return the keys of a JSON pointer; raises BadPointer."""
    if not pointer.startswith("/"):
        raise BadPointer(f"{pointer!r} is no JSON pointer; write one such as /payload/request/x")
    if _NO_ESCAPE.search(pointer):
        raise BadPointer(f"{pointer!r} is no JSON pointer; in a key, ~ is written ~0 and / is ~1")
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in pointer[1:].split("/"))


def below(pointer: str, key: str) -> str:
    """Return the pointer of what stands at a key of a place."""
    return f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"


def index_of(key: str, length: int) -> int | None:
    """Return the list index a key means, or None."""
    return int(key) if key.isascii() and key.isdecimal() and int(key) < length else None


def at_key(holder: Node, key: str) -> list[Node]:
    """Return what stands at a key; several values for a key that stands twice, and for `*`."""
    if key == ANY or (key == EACH and holder.form == b"["):
        return [one for _, one in holder.parts]
    if holder.form == b"[":
        index = index_of(key, len(holder.parts))
        return [] if index is None else [holder.parts[index][1]]
    return [one for name, one in holder.parts if name == key]


def places(document: Node, keys: tuple[str, ...]) -> Iterator[Node]:
    """Yield the values that keys lead to."""
    if not keys:
        yield document
        return
    for one in at_key(document, keys[0]):
        yield from places(one, keys[1:])
