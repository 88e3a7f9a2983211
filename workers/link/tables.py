"""AMQP field tables, which headers are: written strictly, read so that nothing can raise."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Final

from workers.headers import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Bytes that AMQP's short strings hold.
LONGEST_SHORT: Final = 255
#: Tables and arrays within each other; what is deeper is left out. `x-death` needs three.
MOST_DEEP: Final = 8
#: Entries that are kept, those of inner tables and arrays too; a header frame of 128 KiB could
#: hold forty thousand. Ours are 20, and `x-death` has 8 for each queue a message died in.
MOST_ENTRIES: Final = 256
#: Bytes of one value that are kept: twice what all our own headers take together.
MOST_VALUE: Final = 32_768
#: Seconds: the last one of year 9999. A later time is micro- or nanoseconds by mistake.
LAST_SECOND: Final = 253_402_300_799
#: AMQP's widest whole numbers.
_SMALLEST, _GREATEST = -(1 << 63), (1 << 63) - 1

#: The types of texts and of nothing in a table.
_TEXT: Final = ord("S")
_VOID: Final = ord("V")

_U32: Final = struct.Struct(">I")
_TEXT_LEAD: Final = struct.Struct(">BI")
_U64: Final = struct.Struct(">Q")
_I64: Final = struct.Struct(">q")
_F64: Final = struct.Struct(">d")


# -- out --


def short_string(name: str, value: str) -> bytes:
    """Return a text with its length before it, or raise ValueError naming what is wrong with it."""
    try:
        text = value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds half a surrogate pair, which UTF-8 cannot carry") from None
    if len(text) > LONGEST_SHORT:
        raise ValueError(f"{name} has {len(text)} bytes, and AMQP carries at most {LONGEST_SHORT}")
    return bytes((len(text),)) + text


def pack_table(table: Mapping[str, object], *, deep: int = 1) -> bytes:
    """Return a field table, or raise ValueError, naming the header, for what AMQP cannot carry.

    Takes None, bool, int of 64 bits, finite float, str, bytes, and lists and dicts of them down to
    `MOST_DEEP` levels.
    """
    parts = []
    for name, value in table.items():
        parts.append(_NAMES[name])
        # Nearly all are texts.
        parts.append(_text(value) if type(value) is str else _pack_value(name, value, deep))
    packed = b"".join(parts)
    return _U32.pack(len(packed)) + packed


class _Names(dict[str, bytes]):
    """Header names as they are written: our own come again and again."""

    def __missing__(self, name: str) -> bytes:
        packed = short_string(f"the name of header {name[:40]!r}", name)
        if name.startswith(OURS):  # senders make up others, of which copies keep none of this form
            self[name] = packed
        return packed


_NAMES: Final = _Names()


def _text(value: str) -> bytes:
    text = value.encode("utf-8", "replace")
    return _TEXT_LEAD.pack(_TEXT, len(text)) + text


def _pack_value(name: str, value: object, deep: int) -> bytes:
    match value:
        case None:
            return b"V"
        case bool():
            return b"t\x01" if value else b"t\x00"
        case int() if _SMALLEST <= value <= _GREATEST:
            return b"l" + _I64.pack(value)
        case float() if math.isfinite(value):  # the broker closes the connection for others
            return b"d" + _F64.pack(value)
        case str():
            return _text(value)
        case bytes():
            return b"x" + _long(value)
        case list() | tuple() if deep < MOST_DEEP:
            return b"A" + _long(b"".join(_pack_value(name, each, deep + 1) for each in value))
        case dict() if deep < MOST_DEEP:
            return b"F" + pack_table(value, deep=deep + 1)
        case _:
            raise ValueError(
                f"header {name!r} cannot hold this {type(value).__name__}: AMQP carries None, "
                "bool, 64-bit int, finite float, str, bytes, and lists and dicts of them "
                f"{MOST_DEEP} deep",
            )


def _long(content: bytes) -> bytes:
    return _U32.pack(len(content)) + content


# -- in --


def tolerant_text(raw: bytes) -> str:
    """Return a short string's text whatever its bytes; it always fits a short string again.

    What is not UTF-8 becomes replacement characters, which are longer than what they stand for.
    """
    text = raw.decode("utf-8", "replace")
    encoded = text.encode()
    if len(encoded) <= LONGEST_SHORT:
        return text
    return encoded[:LONGEST_SHORT].decode("utf-8", "ignore")


def read_table(buffer: bytes, at: int) -> tuple[dict[str, object], int, bool]:
    """Return the table that begins at `at`, where it ends, and whether all of it could be kept.

    Where it ends may be beyond the buffer; then nothing of it is kept. Raises struct.error where
    not even its length is there.
    """
    end = at + 4 + _U32.unpack_from(buffer, at)[0]
    if end > len(buffer):
        return {}, end, False
    reader = _Reader(buffer, at + 4)
    table = reader.table(end, 1)
    return table, end, reader.whole


class _Unreadable(Exception):
    """A value reaches beyond its table, or is of no known type."""


class _Reader:
    """Walks once over a table; every level ends where its length says, whatever is in it."""

    __slots__ = ("at", "buffer", "entries", "whole")

    def __init__(self, buffer: bytes, at: int) -> None:
        self.buffer = buffer
        self.at = at
        self.entries = 0
        self.whole = True

    def table(self, end: int, deep: int) -> dict[str, object]:
        """Return the entries up to `end`, without those from the first unreadable one on."""
        table: dict[str, object] = {}
        try:
            while self.at < end and self._has_room():
                name = self._name(end)
                table[name] = self._value(end, deep)
        except (_Unreadable, struct.error, IndexError):
            self.whole = False
        self.at = end
        return table

    def _array(self, end: int, deep: int) -> list[object]:
        values: list[object] = []
        try:
            while self.at < end and self._has_room():
                values.append(self._value(end, deep))
        except (_Unreadable, struct.error, IndexError):
            self.whole = False
        self.at = end
        return values

    def _has_room(self) -> bool:
        self.entries += 1
        if self.entries > MOST_ENTRIES:
            self.whole = False
            return False
        return True

    def _name(self, limit: int) -> str:
        raw = self._raw(self.at + 1, self.buffer[self.at], limit)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.whole = False
            return tolerant_text(raw)

    def _value(self, limit: int, deep: int) -> object:
        if self.at >= limit:
            raise _Unreadable
        kind = self.buffer[self.at]
        self.at += 1
        fixed = _FIXED.get(kind)
        if fixed is not None:
            form, meaning = fixed
            found = form.unpack_from(self.buffer, self.at)
            self.at += form.size
            if self.at > limit:
                raise _Unreadable
            value = meaning(*found)
            if value is None:
                self.whole = False
            return value
        if kind == _VOID:
            return None
        size: int = _U32.unpack_from(self.buffer, self.at)[0]
        if kind in _TEXTS:
            return self._content(size, limit, is_text=kind == _TEXT)
        return self._inner(kind, size, limit, deep)

    def _content(self, size: int, limit: int, *, is_text: bool) -> str | bytes:
        raw = self._raw(self.at + 4, size, limit)
        if size > MOST_VALUE:
            self.whole = False
            raw = raw[:MOST_VALUE]
            return raw.decode("utf-8", "ignore") if is_text else raw
        if not is_text:
            return raw
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw  # AMQP's long strings may hold anything, and senders put binary there

    def _inner(self, kind: int, size: int, limit: int, deep: int) -> object:
        read = _INNER.get(kind)
        self.at += 4
        end = self.at + size
        if read is None or end > limit:
            raise _Unreadable
        if deep >= MOST_DEEP:
            self.whole = False
            self.at = end
            return None
        return read(self, end, deep + 1)

    def _raw(self, start: int, size: int, limit: int) -> bytes:
        end = start + size
        if end > limit:
            raise _Unreadable
        self.at = end
        return self.buffer[start:end]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _decimal(places: int, digits: int) -> float:
    return float(digits / 10.0**places)


def _second(value: int) -> int | None:
    return value if value <= LAST_SECOND else None


#: Field type → its bytes and what they mean to RabbitMQ; None where they mean nothing.
_FIXED: Final[dict[int, tuple[struct.Struct, Callable[..., object]]]] = {
    ord("t"): (struct.Struct(">B"), bool),
    ord("b"): (struct.Struct(">b"), int),
    ord("B"): (struct.Struct(">B"), int),
    ord("s"): (struct.Struct(">h"), int),
    ord("u"): (struct.Struct(">H"), int),
    ord("I"): (struct.Struct(">i"), int),
    ord("i"): (struct.Struct(">I"), int),
    ord("l"): (_I64, int),
    ord("L"): (_I64, int),
    ord("f"): (struct.Struct(">f"), _finite),
    ord("d"): (_F64, _finite),
    ord("D"): (struct.Struct(">BI"), _decimal),
    ord("T"): (_U64, _second),
}
_TEXTS: Final = frozenset(b"Sx")
_INNER: Final[dict[int, Callable[[_Reader, int, int], object]]] = {
    ord("F"): _Reader.table,
    ord("A"): _Reader._array,  # noqa: SLF001 - this file's own
}
