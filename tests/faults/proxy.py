"""A TCP proxy that knows AMQP frames, between the workers and their broker: the bad line itself."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from faults.frames import Reader, Splitter, method

if TYPE_CHECKING:
    from faults.wirelog import Event

#: From the worker to the broker, and back.
UP: Final = True
DOWN: Final = False
_CHUNK: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)


class Proxy:
    """Passes everything on, but for what it is told to do to it. An async context manager.

    With several addresses it is a load balancer before a cluster: each connection goes to the first
    that takes it.
    """

    def __init__(self, *urls: str) -> None:
        self._url = urls[0]
        self._targets = [
            (parts.hostname or "", parts.port or 5672) for parts in map(urlsplit, urls)
        ]
        self._lines: set[_Line] = set()
        #: How many connections were made through it.
        self.made = 0
        #: Seconds each chunk is held.
        self.delay = 0.0
        #: Bytes a second; 0 is no limit.
        self.throttle = 0.0
        #: Directions whose bytes vanish. A line that lost some that way loses all that follows.
        self.hole: set[bool] = set()
        #: Method and direction → every n-th such frame vanishes.
        self.swallow: dict[tuple[bytes, bool], int] = {}
        self.swallowed = 0
        #: Cut the line in the middle of the next frame of at least so many bytes; 0 is never.
        self.cut_at = 0
        self.log: list[Event] = []

    async def __aenter__(self) -> Self:
        """Listen on a port of its own."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cut everything."""
        self._server.close()
        self.reset()
        await asyncio.gather(*(line.over.wait() for line in tuple(self._lines)))

    @property
    def url(self) -> str:
        """The broker's address by way of this proxy."""
        parts = urlsplit(self._url)
        port = self._server.sockets[0].getsockname()[1]
        login = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{login}@127.0.0.1:{port}").geturl()

    def reset(self) -> None:
        """Reset every connection (RST), as a firewall or a dying host does."""
        for line in tuple(self._lines):
            line.reset()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.made += 1
        number = self.made  # now: another connection may be made while this one reaches the broker
        upstream = await self._reach()
        if upstream is None:
            writer.transport.abort()
            return
        line = _Line(self, number, (reader, writer), upstream)
        self._lines.add(line)
        try:
            await line.run()
        finally:
            self._lines.discard(line)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for target in self._targets:
            with suppress(OSError):
                return await asyncio.open_connection(*target)
        return None


class _Line:
    """One connection of a worker's, and its own to the broker."""

    def __init__(
        self,
        proxy: Proxy,
        number: int,
        worker: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        broker: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._proxy = proxy
        self._frames = Reader(number)
        self._ends = {UP: (worker[0], broker[1]), DOWN: (broker[0], worker[1])}
        self._dead: set[bool] = set()
        self._counts: Counter[tuple[bytes, bool]] = Counter()
        self.over = asyncio.Event()

    async def run(self) -> None:
        """Pass on until both sides have ended it: on a dead way an end does not arrive, either."""
        try:
            await asyncio.gather(self._pump(up=UP), self._pump(up=DOWN))
        finally:
            self.reset()
            self.over.set()

    def reset(self) -> None:
        """Cut both sides at once."""
        for _, writer in self._ends.values():
            with suppress(OSError):
                plain: socket.socket = writer.get_extra_info("socket")
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    async def _pump(self, *, up: bool) -> None:
        reader, writer = self._ends[up]
        splitter = Splitter()
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                proxy = self._proxy
                if up in proxy.hole:
                    self._dead.add(up)
                if up in self._dead:
                    continue
                if proxy.delay:
                    await asyncio.sleep(proxy.delay)
                out = b"".join(frame for frame in splitter.feed(data) if self._passes(frame, up=up))
                if proxy.throttle:
                    await asyncio.sleep(len(out) / proxy.throttle)
                if proxy.cut_at and len(out) >= proxy.cut_at:
                    proxy.cut_at = 0
                    # Half of the last frame arrives, and then nothing ever again.
                    writer.write(out[: len(out) - 7])
                    for _, each in self._ends.values():
                        each.close()
                    break
                writer.write(out)
                await writer.drain()
        if up not in self._dead:
            with suppress(OSError):
                writer.close()

    def _passes(self, frame: bytes, *, up: bool) -> bool:
        key = (method(frame), up)
        every = self._proxy.swallow.get(key)
        if every:
            self._counts[key] += 1
            if self._counts[key] % every == 0:
                self._proxy.swallowed += 1
                return False
        event = self._frames.read(frame, up=up)
        if event is not None:
            self._proxy.log.append(event)
        return True
