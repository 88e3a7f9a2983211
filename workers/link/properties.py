"""Decodes the properties of a message so that nothing a sender wrote into them can raise.

The broker passes on strings that are not UTF-8, timestamps no calendar has, tables 600 deep and
flags with nothing behind them. A client that raises on such a message reconnects, gets it again,
and takes its innocent neighbours down with it. Here it becomes `Properties` with `damaged` set, and
a dead letter later on.
"""

from __future__ import annotations

import struct
from enum import Enum, auto
from functools import lru_cache
from typing import Final, NamedTuple

from workers.link import wire
from workers.link.tables import LAST_SECOND, read_table, tolerant_text
from workers.outcome import Properties, made

#: Words of flags that are stepped over; there is no property for a second one.
MOST_WORDS: Final = 8
#: Plans kept, one for each combination of properties; senders use a handful.
MOST_PLANS: Final = 64

_U16: Final = struct.Struct(">H")
_U64: Final = struct.Struct(">Q")


class _Kind(Enum):
    """How a property's value is written."""

    TEXT = auto()
    OCTET = auto()
    TABLE = auto()
    TIME = auto()


#: Each property's flag, name and kind, in the order of the values and of `Properties`.
_LAYOUT: Final = (
    (wire.CONTENT_TYPE, "content_type", _Kind.TEXT),
    (wire.CONTENT_ENCODING, "content_encoding", _Kind.TEXT),
    (wire.HEADERS, "headers", _Kind.TABLE),
    (wire.DELIVERY_MODE, "delivery_mode", _Kind.OCTET),
    (wire.PRIORITY, "priority", _Kind.OCTET),
    (wire.CORRELATION_ID, "correlation_id", _Kind.TEXT),
    (wire.REPLY_TO, "reply_to", _Kind.TEXT),
    (wire.EXPIRATION, "expiration", _Kind.TEXT),
    (wire.MESSAGE_ID, "message_id", _Kind.TEXT),
    (wire.TIMESTAMP, "timestamp", _Kind.TIME),
    (wire.TYPE, "type", _Kind.TEXT),
    (wire.USER_ID, "user_id", _Kind.TEXT),
    (wire.APP_ID, "app_id", _Kind.TEXT),
)
#: `Properties` without any, to be copied and filled in.
_BLANK: Final = (*Properties(),)
_USER_ID: Final = Properties._fields.index("user_id")
_DAMAGED: Final = Properties._fields.index("damaged")
_TEXT: Final = _Kind.TEXT
_OCTET: Final = _Kind.OCTET
_TABLE: Final = _Kind.TABLE


@lru_cache(maxsize=MOST_PLANS)
def _plan(flags: int) -> tuple[tuple[int, _Kind], ...]:
    """Return which values follow these flags: their place in `Properties`, and their kind."""
    return tuple((n, kind) for n, (flag, _, kind) in enumerate(_LAYOUT) if flags & flag)


def decode_properties(header: bytes | memoryview) -> Properties:
    """Return the properties in a content header, from its flags onwards; raises nothing.

    This is the quick way, for bytes that are as they should be; others are read once more, with
    care. `user_id` is only told where there is no doubt which bytes the broker has checked.
    """
    raw = bytes(header)
    values: list[object] = [*_BLANK]
    try:
        (flags,) = _U16.unpack_from(raw)
        at = 2
        for n, kind in _plan(flags):
            if kind is _TEXT:
                start = at + 1
                at = start + raw[at]
                values[n] = raw[start:at].decode()
            elif kind is _OCTET:
                values[n] = raw[at]
                at += 1
            elif kind is _TABLE:
                values[n], at, whole = read_table(raw, at)
                if not whole:
                    return _with_care(raw)
            else:
                (second,) = _U64.unpack_from(raw, at)
                values[n] = second
                at += 8
                if second > LAST_SECOND:
                    return _with_care(raw)
    except (IndexError, struct.error, UnicodeDecodeError):
        return _with_care(raw)
    # A last flag for which there is no property, or bytes for which there was no flag.
    if at != len(raw) or flags & (wire.CLUSTER_ID | wire.CONTINUED):
        return _with_care(raw)
    return made(Properties, values)


class _Reading(NamedTuple):
    """One way to understand a header: what it says, what is wrong, whether every byte fits."""

    values: list[object]
    damaged: list[str]
    fits: bool


def _with_care(raw: bytes) -> Properties:
    """Return what can be told of a damaged header, and the names of what cannot."""
    if len(raw) < _U16.size:
        return Properties(damaged=("properties",))
    (flags,) = _U16.unpack_from(raw)
    reading = _read(raw, flags, _U16.size)
    continued = flags & wire.CONTINUED
    if continued and not reading.fits:
        # RabbitMQ knows of no second word: it reads on right behind the first, and refuses what
        # then does not fit. So this came another way, and there may be more words.
        beyond = _read(raw, flags, _behind_words(raw))
        reading = beyond if beyond.fits else reading
    values, damaged, fits = reading
    if continued:
        damaged.append("flags")
    if not fits:
        damaged.append("properties")
    if continued or not fits or "user_id" in damaged:
        # The broker checked the bytes as it reads them; who reads others gets another name.
        values[_USER_ID] = None
    values[_DAMAGED] = tuple(damaged)
    return made(Properties, values)


def _behind_words(raw: bytes) -> int:
    """Return where the values begin if every word of flags that announces another is followed."""
    at = 0
    for _ in range(MOST_WORDS):
        word = raw[at : at + _U16.size]
        at += _U16.size
        if len(word) < _U16.size or not word[1] & wire.CONTINUED:
            break
    return at


def _read(raw: bytes, flags: int, at: int) -> _Reading:
    """Read the values that begin at `at`, up to the first that is not all there."""
    values: list[object] = [*_BLANK]
    damaged: list[str] = []
    try:
        for n, kind in _plan(flags):
            whole = True
            if kind is _TEXT:
                values[n], at, whole = _text(raw, at)
            elif kind is _OCTET:
                values[n] = raw[at]
                at += 1
            elif kind is _TABLE:
                values[n], at, whole = read_table(raw, at)
            else:
                (second,) = _U64.unpack_from(raw, at)
                at += _U64.size
                whole = second <= LAST_SECOND
                values[n] = second if whole else None
            if not whole:
                damaged.append(Properties._fields[n])
        if flags & wire.CLUSTER_ID:
            _, at, _ = _text(raw, at)
    except (IndexError, struct.error):
        return _Reading(values, damaged, fits=False)
    return _Reading(values, damaged, fits=at == len(raw))


def _text(raw: bytes, at: int) -> tuple[str, int, bool]:
    """Return the short string at `at`, where it ends, and whether it was UTF-8."""
    end = at + 1 + raw[at]
    if end > len(raw):
        raise IndexError
    content = raw[at + 1 : end]
    try:
        return content.decode(), end, True
    except UnicodeDecodeError:
        return tolerant_text(content), end, False
