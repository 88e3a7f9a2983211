"""Frames on the line between a worker and its child: a length, then so many bytes. Pure."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio import StreamReader
    from collections.abc import Callable

_LENGTH: Final = struct.Struct(">I")
#: Bytes of a frame; a child whose memory is broken may say anything.
MOST: Final = 1 << 28


class Broken(Exception):
    """What came is no frame; whoever wrote it must not be listened to any more."""


def pack(*frames: bytes) -> bytes:
    """Return frames as they travel; raises ValueError for one that is too long."""
    if any(len(frame) > MOST for frame in frames):
        raise ValueError(f"more than {MOST} bytes cannot pass between two processes")
    return b"".join(part for frame in frames for part in (_LENGTH.pack(len(frame)), frame))


async def read(reader: StreamReader) -> bytes:
    """Return the next frame; raises Broken or IncompleteReadError."""
    return await reader.readexactly(_length(await reader.readexactly(_LENGTH.size)))


def receive(exactly: Callable[[int], bytes]) -> bytes:
    """Return the next frame; `exactly` reads so many bytes and raises EOFError at the end."""
    return exactly(_length(exactly(_LENGTH.size)))


def _length(head: bytes) -> int:
    length: int = _LENGTH.unpack(head)[0]
    if length > MOST:
        raise Broken
    return length
