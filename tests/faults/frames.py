"""AMQP frames as a proxy sees them: split from a stream, and read as far as the log needs."""

from __future__ import annotations

import struct
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from faults.raw import FRAME, HEADER, METHOD
from faults.wirelog import Event

from workers.link.properties import decode_properties

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a client says first.
GREETING: Final = b"AMQP\x00\x00\x09\x01"
DELIVER: Final = b"\0\x3c\0\x3c"
PUBLISH: Final = b"\0\x3c\0\x28"
ACK: Final = b"\0\x3c\0\x50"
NACK: Final = b"\0\x3c\0\x78"


class Splitter:
    """Cuts one direction of one connection into whole frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what is whole now, the greeting as if it were a frame."""
        data = self._rest + data
        at = 0
        if data.startswith(GREETING):
            at = len(GREETING)
            yield GREETING
        while len(data) - at >= FRAME.size:
            end = at + FRAME.size + FRAME.unpack_from(data, at)[2] + 1
            if end > len(data):
                break
            yield data[at:end]
            at = end
        self._rest = data[at:]


def method(frame: bytes) -> bytes:
    """Return the four bytes that name a frame's method; empty for a frame without one."""
    return frame[7:11] if frame[0] == METHOD and frame != GREETING else b""


class Reader:
    """Turns the frames of one connection into events."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._published: dict[int, int] = defaultdict(int)
        #: Direction and channel → the method whose header comes next.
        self._begun: dict[tuple[bool, int], tuple[str, int]] = {}

    def read(self, frame: bytes, *, up: bool) -> Event | None:
        """Return what a frame says; `up` is from the worker to the broker."""
        if frame == GREETING:
            return None
        kind, channel, _ = FRAME.unpack_from(frame)
        line = (self._number, channel)
        if kind == HEADER:
            begun = self._begun.pop((up, channel), None)
            if begun is None:
                return None
            told = decode_properties(frame[19:-1]).correlation_id or ""
            return Event(begun[0], line, begun[1], id=told)
        match method(frame):
            case name if name == DELIVER and not up:
                tag = struct.unpack_from(">Q", frame, 12 + frame[11])[0]
                self._begun[up, channel] = ("deliver", tag)
            case name if name == PUBLISH and up:
                self._published[channel] += 1
                self._begun[up, channel] = ("publish", self._published[channel])
            case name if name in {ACK, NACK}:
                tag, flags = struct.unpack_from(">QB", frame, 11)
                said = ("ack", "nack") if up else ("confirm", "refuse")
                return Event(said[name == NACK], line, tag, bool(flags & 1))
        return None
