"""Where in a message something is wrong, as people and as programs write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Keys and indexes from the top of a document down.
Place: TypeAlias = tuple[str | int, ...]

#: Characters of one key and of a whole path.
MOST_KEY: Final = 80
MOST_PATH: Final = 300
#: Errors about a key that is not there: the last part of their place is not in the document.
_ABSENT: Final = frozenset({"missing", "required_in_strict_mode"})


def path_of(place: Iterable[str | int]) -> tuple[str, str]:
    """Return a place as a dotted path and as a JSON pointer, keys escaped and cut."""
    keys = [_key(key) for key in place]
    pointer = "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
    return ".".join(keys)[:MOST_PATH], pointer[:MOST_PATH]


def place_in(document: Any, row: Any) -> Place:
    """Return where an error of the library's stands in the document it is about.

    The library puts the names of a union's members and of its own steps into a place; what the
    document does not have is left out, but for what is missing there. Without a document (None)
    the place is believed as it is.
    """
    kept: list[str | int] = []
    at = document
    location = row["loc"]
    for key in location:
        if _has(at, key):
            at = at[key]
        elif document is not None and not (key is location[-1] and row["type"] in _ABSENT):
            continue
        kept.append(key)
    tag = (row.get("ctx") or {}).get("discriminator")
    if isinstance(tag, str):
        kept.append(tag.strip("'"))
    return tuple(kept)


def _has(at: Any, key: str | int) -> bool:
    if isinstance(at, list):
        return isinstance(key, int) and -1 < key < len(at)
    return isinstance(at, dict) and key in at


def _key(key: str | int) -> str:
    if isinstance(key, int):
        return str(key)
    text = key if len(key) <= MOST_KEY else key[: MOST_KEY - 1] + "…"
    if text.isprintable():
        return text
    return text.encode("unicode_escape", "backslashreplace").decode("ascii")
