"""Properties that are legal to the broker and poison to a client: none may stop a worker.

Each is flags and values as they go over the wire, behind a body that is whole and right.
"""

from __future__ import annotations

import struct
from typing import Final

from workers.link.wire import (
    APP_ID,
    CONTENT_ENCODING,
    CONTENT_TYPE,
    CORRELATION_ID,
    HEADERS,
    MESSAGE_ID,
    REPLY_TO,
    TIMESTAMP,
    TYPE,
)

#: No UTF-8 begins like this.
_BAD: Final = b"\xff\xfe\xc0"
#: Tables within tables.
_DEEP: Final = 600


def _short(raw: bytes) -> bytes:
    return bytes((len(raw),)) + raw


def _long(raw: bytes) -> bytes:
    return struct.pack(">I", len(raw)) + raw


def _flags(flags: int, values: bytes) -> bytes:
    return struct.pack(">H", flags) + values


def _headers(table: bytes) -> bytes:
    return _flags(HEADERS, _long(table))


def _deep_table() -> bytes:
    table = b""
    for _ in range(_DEEP):
        table = _short(b"t") + b"F" + _long(table)
    return table


#: What it is → flags and values.
PROPERTIES: Final = {
    "content type not UTF-8": _flags(CONTENT_TYPE, _short(_BAD)),
    "content encoding not UTF-8": _flags(CONTENT_ENCODING, _short(_BAD)),
    "correlation id not UTF-8": _flags(CORRELATION_ID, _short(_BAD)),
    "reply_to not UTF-8": _flags(REPLY_TO, _short(_BAD)),
    "message id not UTF-8": _flags(MESSAGE_ID, _short(_BAD)),
    "type not UTF-8": _flags(TYPE, _short(_BAD)),
    "app id not UTF-8": _flags(APP_ID, _short(_BAD)),
    "header key not UTF-8": _headers(_short(_BAD) + b"S" + _long(b"x")),
    "header text not UTF-8": _headers(_short(b"h") + b"S" + _long(_BAD)),
    "timestamp in microseconds": _flags(TIMESTAMP, struct.pack(">Q", 1_700_000_000_000_000)),
    "timestamp in nanoseconds": _flags(TIMESTAMP, struct.pack(">Q", 1_700_000_000 * 10**9)),
    "timestamp of 2^63": _flags(TIMESTAMP, struct.pack(">Q", 2**63)),
    "header time past year 9999": _headers(_short(b"h") + b"T" + struct.pack(">Q", 2**62)),
    "header tables 600 deep": _headers(_deep_table()),
    "headers of 100 KiB": _headers(_short(b"h") + b"S" + _long(b"x" * 100_000)),
    "forged x-death of no tables": _headers(
        _short(b"x-death") + b"A" + _long(b"S" + _long(b"nonsense"))
    ),
    "empty correlation id": _flags(CORRELATION_ID, _short(b"")),
    "CR and LF in the correlation id": _flags(CORRELATION_ID, _short(b"a\r\nb: c")),
}
