"""A wire of paper: keeps what is written on it, and is told by a test what the broker says."""

from __future__ import annotations

from typing import Any

from pamqp import commands, frame, header
from unit.link.stream import method

from workers.link.frames import HotFrames


class PaperWire:
    """Stands where an open connection would."""

    def __init__(self, frame_max: int = 131_072) -> None:
        self.frames = HotFrames()
        self.frame_max = frame_max
        self.is_open = True
        self.written = b""
        self.writes = 0

    def write(self, chunk: bytes) -> None:
        """Keep what is written."""
        self.written += chunk
        self.writes += 1

    def read(self) -> list[Any]:
        """Return the frames written since the last time, as pamqp reads them."""
        rest, self.written = self.written, b""
        frames = []
        while rest:
            size, _, one = frame.unmarshal(rest)
            rest = rest[size:]
            frames.append(one)
        return frames

    def ids(self) -> list[str]:
        """Return the message ids of what was published since the last time."""
        return [
            one.properties.message_id
            for one in self.read()
            if isinstance(one, header.ContentHeader)
        ]

    def ack(self, tag: int, *, multiple: bool = False, channel: int = 1) -> None:
        """Let the broker confirm."""
        self.frames.feed(method(commands.Basic.Ack(tag, multiple), channel))

    def nack(self, tag: int, *, multiple: bool = False, channel: int = 1) -> None:
        """Let the broker refuse."""
        self.frames.feed(method(commands.Basic.Nack(tag, multiple, False), channel))
