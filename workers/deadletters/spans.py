"""JSON as it was written: where each value stands, so that one is replaced and all else stays.

Pure. Reading a body into Python and writing it anew would change numbers that Python cannot hold
and drop keys that stand twice; here every byte that nobody touches stays what it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

_INDENT: Final = b"  "
_TOKEN: Final = re.compile(
    rb'[ \t\r\n]*("[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^ \t\r\n{}\[\],:"]+)', re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands."""

    start: int
    end: int
    #: `{`, `[`, or nothing for what holds no others.
    form: bytes = b""
    #: What it holds, in order; a key may stand twice, and in a list it is the index.
    parts: tuple[tuple[str, Node], ...] = ()

    def of(self, body: bytes) -> bytes:
        """Return its own text."""
        return body[self.start : self.end]


@dataclass(slots=True)
class _Open:
    """An object or a list that has not ended yet."""

    start: int
    form: bytes
    parts: list[tuple[str, Node]]
    key: str | None = None

    def take(self, node: Node) -> None:
        key = str(len(self.parts)) if self.key is None else self.key
        self.parts.append((key, node))
        self.key = None


def read(body: bytes) -> Node | None:
    """Return the document of a body, or None for what is no JSON."""
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    # A loop and no recursion: a body may be a thousand levels deep.
    whole = _Open(0, b"[", [])
    open_ones = [whole]
    for found in _TOKEN.finditer(body):
        token, holder = found[1], open_ones[-1]
        match token:
            case b"{" | b"[":
                open_ones.append(_Open(found.start(1), token, []))
            case b"}" | b"]":
                open_ones.pop()
                node = Node(holder.start, found.end(), holder.form, tuple(holder.parts))
                open_ones[-1].take(node)
            case b"," | b":":
                pass
            case _ if holder.form == b"{" and holder.key is None:
                holder.key = orjson.loads(token)
            case _:
                holder.take(Node(found.start(1), found.end()))
    return whole.parts[0][1]


def replaced(body: bytes, texts: Mapping[Node, bytes]) -> bytes:
    """Return the body with other texts in the place of values, none of which holds another."""
    pieces: list[bytes] = []
    at = 0
    for node in sorted(texts, key=lambda one: one.start):
        pieces += (body[at : node.start], texts[node])
        at = node.end
    return b"".join((*pieces, body[at:]))


def compact(text: bytes) -> bytes:
    """Return JSON without the white space between its values."""
    return b"".join(found[1] for found in _TOKEN.finditer(text))


def indented(text: bytes) -> bytes:
    """Return JSON in lines; every number, key and order stays as it was written."""
    written: list[bytes] = []
    depth, before = 0, b""
    for found in _TOKEN.finditer(text):
        token = found[1]
        if token in (b"}", b"]"):
            depth -= 1
            if before not in (b"{", b"["):
                written.append(b"\n" + _INDENT * depth)
        elif before in (b"{", b"[", b","):
            written.append(b"\n" + _INDENT * depth)
        written.append(b": " if token == b":" else token)
        depth += token in (b"{", b"[")
        before = token
    return b"".join(written)
