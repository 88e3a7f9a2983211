"""JSON streams of any length in constant memory: one document after another, as its own bytes.

    for document in documents(chunks):      # JSON lines, or documents one behind the other
    for member in members(chunks):          # one array, member by member

Nothing is parsed and nothing is built: only the ends of documents are looked for, so what a
document is worth is said by whoever validates its bytes. Memory holds one document and one chunk.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Bytes of one document; a longer one is refused before it fills the memory.
LONGEST: Final = 16 * 1024 * 1024

#: What matters outside a string, and inside one.
_OUTSIDE: Final = re.compile(rb'["{}\[\],]|[ \t\r\n]+')
_INSIDE: Final = re.compile(rb'["\\]')
_SPACE: Final = b" \t\r\n"
_QUOTE: Final = 0x22

#: A document that has ended (empty: none has), and where in the chunk the next one begins.
_Cut: TypeAlias = "tuple[bytes, int]"


class BrokenStream(ValueError):
    """The stream cannot be split any further; the message says why and where."""


def documents(chunks: Iterable[bytes], *, longest: int = LONGEST) -> Iterator[bytes]:
    """Yield each document of a stream of JSON lines or concatenated documents.

    Raises BrokenStream where the stream ends inside a document or one is longer than `longest`.
    """
    cutter = _Cutter(longest)
    for chunk in chunks:
        yield from cutter.feed(chunk)
    yield from cutter.end()


def members(chunks: Iterable[bytes], *, longest: int = LONGEST) -> Iterator[bytes]:
    """Yield each member of the one array a stream consists of.

    Raises BrokenStream where it is no array, does not end, or has an empty place.
    """
    cutter = _ArrayCutter(longest)
    for chunk in chunks:
        yield from cutter.feed(chunk)
    yield from cutter.end()


class _Cutter:
    """Finds where documents end; keeps the bytes of the one that has begun."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._begun = bytearray()
        self._deep = 0
        self._quoted = False
        #: The last byte was a backslash, so the next one means nothing.
        self._escaped = False
        self._passed = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the documents that end in this chunk."""
        kept = at = 0
        while at < len(chunk):
            if self._quoted:
                at = self._string(chunk, at)
                cut, kept = self._unquoted(chunk, kept, at)
            else:
                found = _OUTSIDE.search(chunk, at)
                if found is None:
                    break
                at = found.end()
                cut, kept = self._marked(chunk, kept, found)
            if cut:
                yield cut
        self._keep(chunk, kept)

    def _marked(self, chunk: bytes, kept: int, found: re.Match[bytes]) -> _Cut:
        """Return the document that ends at a mark outside a string, and where the next begins."""
        mark = chunk[found.start()]
        if mark == _QUOTE:
            self._quoted = True
        elif mark in b"{[":
            self._deep += 1
            return b"", self._opened(chunk, kept, found.start())
        elif mark in b"}]":
            self._deep -= 1
            return self._closed(chunk, kept, found.end())
        elif not self._deep:
            return self._parted(chunk, kept, found)
        return b"", kept

    def _string(self, chunk: bytes, at: int) -> int:
        """Return where the string ends, or the chunk."""
        if self._escaped:
            self._escaped = False
            at += 1
        while (found := _INSIDE.search(chunk, at)) is not None:
            at = found.end()
            if chunk[found.start()] == _QUOTE:
                self._quoted = False
                return at
            if at == len(chunk):
                self._escaped = True
                return at
            at += 1
        return len(chunk)

    def _unquoted(self, chunk: bytes, kept: int, at: int) -> _Cut:
        """Return the document that a string is where it stands alone."""
        if self._quoted or self._deep:
            return b"", kept
        return self._cut(chunk, kept, at), at

    def _opened(self, _chunk: bytes, kept: int, _at: int) -> int:
        return kept

    def _closed(self, chunk: bytes, kept: int, at: int) -> _Cut:
        if self._deep < 0:
            raise BrokenStream(f"a bracket closes nothing at byte {self._passed + at - 1}")
        return (b"", kept) if self._deep else (self._cut(chunk, kept, at), at)

    def _parted(self, chunk: bytes, kept: int, found: re.Match[bytes]) -> _Cut:
        """Return the bare number or word that white space ends."""
        if chunk[found.start()] in _SPACE:
            return self._cut(chunk, kept, found.start()), found.end()
        return b"", kept

    def end(self) -> Iterator[bytes]:
        """Yield the last document, where nothing but the end of the stream ends it."""
        if self._deep or self._quoted:
            raise BrokenStream(f"the stream ends inside a document, after {self._passed} bytes")
        last = self._cut(b"", 0, 0)
        if last:
            yield last

    def _cut(self, chunk: bytes, start: int, end: int) -> bytes:
        if len(self._begun) + end - start > self._longest:
            raise BrokenStream(f"a document is longer than {self._longest} bytes")
        if not self._begun:
            return chunk[start:end].strip(_SPACE)
        self._begun += chunk[start:end]
        whole = bytes(self._begun).strip(_SPACE)
        self._begun.clear()
        return whole

    def _keep(self, chunk: bytes, start: int) -> None:
        self._passed += len(chunk)
        if len(self._begun) + len(chunk) - start > self._longest:
            raise BrokenStream(f"a document is longer than {self._longest} bytes")
        self._begun += chunk[start:]


class _ArrayCutter(_Cutter):
    """The same inside one array: its brackets are passed over, and commas end members."""

    def __init__(self, longest: int) -> None:
        super().__init__(longest)
        self._inside = False
        self._over = False
        self._count = 0

    def _unquoted(self, _chunk: bytes, kept: int, _at: int) -> _Cut:
        return b"", kept

    def _opened(self, chunk: bytes, kept: int, at: int) -> int:
        if self._inside:
            return kept
        if self._over or chunk[at] != 0x5B or self._cut(chunk, kept, at):  # noqa: PLR2004 - [
            raise BrokenStream("the stream is not one array")
        self._inside = True
        self._deep = 0
        return at + 1

    def _closed(self, chunk: bytes, kept: int, at: int) -> _Cut:
        if self._deep >= 0:
            return b"", kept
        if not self._inside or chunk[at - 1] != 0x5D:  # noqa: PLR2004 - ]
            raise BrokenStream("the stream is not one array")
        last = self._cut(chunk, kept, at - 1)
        if not last and self._count:
            raise BrokenStream("a place in the array is empty")
        self._inside, self._over, self._deep = False, True, 0
        return last, at

    def _parted(self, chunk: bytes, kept: int, found: re.Match[bytes]) -> _Cut:
        if chunk[found.start()] != 0x2C:  # noqa: PLR2004 - a comma
            return b"", kept
        member = self._cut(chunk, kept, found.start())
        if not self._inside or not member:
            raise BrokenStream("a place in the array is empty")
        self._count += 1
        return member, found.end()

    def end(self) -> Iterator[bytes]:
        """Raise BrokenStream unless the array was closed and nothing stands behind it."""
        if not self._over or self._inside or self._cut(b"", 0, 0):
            raise BrokenStream("the stream is not one array, or does not end")
        return iter(())
