"""A body with values set at JSON pointers; all else stays as it was written. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from workers.deadletters.pointers import ANY, BadPointer, at_key, keys_of
from workers.deadletters.spans import Node, read, replaced

if TYPE_CHECKING:
    from collections.abc import Iterable


def changed(body: bytes, changes: Iterable[tuple[str, Any]]) -> bytes:
    """Return a JSON body with values set at pointers; raises BadPointer where one leads nowhere.

    The last key of a pointer may be new in an object, and `-` appends to a list. A value may be an
    `orjson.Fragment`, to be written as it is.
    """
    for pointer, value in changes:
        document = read(body)
        if document is None:
            raise BadPointer("the body is no JSON, so it has no places; edit it as a whole")
        *way, last = keys_of(pointer)
        holder = document
        for key in way:
            holder = _step(holder, key, pointer)
        body = _put(body, holder, last, (pointer, orjson.dumps(value)))
    return body


def _step(holder: Node, key: str, pointer: str) -> Node:
    found = at_key(holder, key) if key != ANY else []
    if not found:
        raise BadPointer(f"{pointer} leads nowhere: there is no key {key!r}")
    return _only(found, key, pointer)


def _only(found: list[Node], key: str, pointer: str) -> Node:
    if len(found) > 1:
        raise BadPointer(
            f"{pointer} means {len(found)} places: the key {key!r} stands more than once there; "
            "edit the body as a whole and leave one"
        )
    return found[0]


def _put(body: bytes, holder: Node, key: str, change: tuple[str, bytes]) -> bytes:
    pointer, text = change
    named = holder.form == b"{"
    found = [one for name, one in holder.parts if name == key] if named else at_key(holder, key)
    if found and (named or key != ANY):
        return replaced(body, {_only(found, key, pointer): text})
    if not named and not (holder.form == b"[" and key == "-"):
        raise BadPointer(f"{pointer} leads nowhere: its last key means nothing there")
    at = holder.parts[-1][1].end if holder.parts else holder.start + 1
    written = (b"," if holder.parts else b"") + (orjson.dumps(key) + b":" if named else b"") + text
    return replaced(body, {Node(at, at): written})
