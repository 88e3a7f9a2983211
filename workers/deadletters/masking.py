"""Hides what nobody may read in a letter's body: by pointer, and by the group's security level.

Pure. A hidden value stands as MASK; `restore` puts the originals back into an edited body, so that
somebody can mend a letter without seeing its secrets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What stands in the place of a hidden value.
MASK: Final = "••••"
#: Any key or index.
ANY: Final = "*"
#: What a level hides without being told: the content of confidential documents, and of secret
#: messages everything but the types that decide what they are.
_CONFIDENTIAL: Final = ("/payload/content", "/payload/title")
_SECRET: Final = ("/payload", "/params")
_SHOWN: Final = frozenset({"message_type", "task_type", "task_id", "document_id", "jsonrpc"})
#: A body that is no JSON has no places; a value behind a hidden key's name is found like this.
_VALUE: Final = r'("%s"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^,}\]\s]+)'


class BadPointer(ValueError):
    """What was given is no JSON pointer."""


@dataclass(frozen=True, slots=True)
class Masking:
    """Which values are hidden; `pointers` as in RFC 6901, with `*` for any key or index."""

    pointers: tuple[str, ...] = ()
    #: `public`, `internal`, `confidential` or `secret`.
    level: str = "public"

    def __post_init__(self) -> None:
        for pointer in self.pointers:
            keys_of(pointer)

    @property
    def hides(self) -> bool:
        """Whether there is anything to hide."""
        return bool(self._pointers)

    @property
    def _pointers(self) -> tuple[str, ...]:
        match self.level:
            case "secret":
                return (*self.pointers, *_SECRET)
            case "confidential":
                return (*self.pointers, *_CONFIDENTIAL)
            case _:
                return self.pointers

    def shown(self, body: bytes) -> bytes:
        """Return the body as it may be shown; unchanged where nothing is hidden."""
        if not self.hides:
            return body
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            return self._blind(body)
        hidden = False
        for pointer in self._pointers:
            for holder, key in _places(document, keys_of(pointer)):
                holder[key] = _hidden(holder[key])
                hidden = True
        return orjson.dumps(document) if hidden else body

    def covers(self, pointer: str) -> bool:
        """Whether a value at a place is hidden, or holds or may hold a hidden one."""
        try:
            keys = keys_of(pointer) if pointer else ()
        except BadPointer:  # whatever place that is
            return self.hides
        return any(
            all(one in (ANY, other) for one, other in zip(hides, keys, strict=False))
            for hides in map(keys_of, self._pointers)
        )

    def restore(self, edited: bytes, original: bytes) -> bytes:
        """Return an edited body with the original values where it still shows MASK."""
        if MASK.encode() not in edited:
            return edited
        try:
            document, before = orjson.loads(edited), orjson.loads(original)
        except orjson.JSONDecodeError:
            return edited
        return orjson.dumps(_restored(document, before))

    def _blind(self, body: bytes) -> bytes:
        """Hide in what is no JSON: all of it where it is secret, else what follows a key's name."""
        if self.level == "secret":
            return MASK.encode()
        text = body.decode("utf-8", "replace")
        for pointer in self._pointers:
            name = keys_of(pointer)[-1]
            pattern = _VALUE % (re.escape(name) if name != ANY else '[^"]*')
            text = re.sub(pattern, lambda found: f'{found[1]}"{MASK}"', text)
        return text.encode()


#: A `~` that stands for nothing.
_NO_ESCAPE: Final = re.compile("~(?![01])")


def keys_of(pointer: str) -> tuple[str, ...]:
    """Return the keys of a JSON pointer; raises BadPointer."""
    if not pointer.startswith("/"):
        raise BadPointer(f"{pointer!r} is no JSON pointer; write one such as /payload/request/x")
    if _NO_ESCAPE.search(pointer):
        raise BadPointer(f"{pointer!r} is no JSON pointer; in a key, ~ is written ~0 and / is ~1")
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in pointer[1:].split("/"))


def index_of(key: str, length: int) -> int | None:
    """Return the list index a key means, or None."""
    return int(key) if key.isascii() and key.isdecimal() and int(key) < length else None


def _places(document: Any, keys: tuple[str, ...]) -> Iterator[tuple[Any, Any]]:
    """Yield where values stand that a pointer means: what holds each, and its key there."""
    first, *rest = keys
    for key in _matching(document, first):
        if rest:
            yield from _places(document[key], tuple(rest))
        else:
            yield document, key


def _matching(holder: Any, key: str) -> list[Any]:
    match holder:
        case dict():
            return list(holder) if key == ANY else [key] if key in holder else []
        case list():
            if key == ANY:
                return list(range(len(holder)))
            index = index_of(key, len(holder))
            return [] if index is None else [index]
        case _:
            return []


def _hidden(value: Any) -> Any:
    """Return a value with its form kept and its content hidden."""
    match value:
        case dict():
            return {
                key: one if key in _SHOWN and isinstance(one, str) else _hidden(one)
                for key, one in value.items()
            }
        case list():
            return list(map(_hidden, value))
        case None | bool():
            return value
        case _:
            return MASK


def _restored(value: Any, before: Any) -> Any:
    if value == MASK:
        return before
    match value, before:
        case dict(), dict():
            return {key: _restored(one, before.get(key)) for key, one in value.items()}
        case list(), list():
            olds = [*before, *[None] * len(value)]
            return [_restored(one, old) for one, old in zip(value, olds, strict=False)]
        case _:
            return value


def changed(body: bytes, changes: tuple[tuple[str, Any], ...]) -> bytes:
    """Return a JSON body with values set at pointers; raises BadPointer where one leads nowhere.

    The last key of a pointer may be new in an object, and `-` appends to a list.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadPointer("the body is no JSON, so it has no places; edit it as a whole") from None
    for pointer, value in changes:
        *way, last = keys_of(pointer)
        holder = document
        for key in way:
            holder = _step(holder, key, pointer)
        _put(holder, last, value, pointer)
    return orjson.dumps(document)


def _step(holder: Any, key: str, pointer: str) -> Any:
    found = _matching(holder, key) if key != ANY else []
    if not found:
        raise BadPointer(f"{pointer} leads nowhere: there is no key {key!r}")
    return holder[found[0]]


def _put(holder: Any, key: str, value: Any, pointer: str) -> None:
    put: Callable[[Any], None] | None = None
    match holder:
        case dict():
            holder[key] = value
            return
        case list():
            index = index_of(key, len(holder))
            put = holder.append if key == "-" else None
            if index is not None:
                holder[index] = value
                return
    if put is None:
        raise BadPointer(f"{pointer} leads nowhere: its last key means nothing there")
    put(value)
