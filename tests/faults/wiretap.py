"""Listens in between worker and broker without understanding a word: what is said, and by whom."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Self
from urllib.parse import urlsplit

_CHUNK: Final = 65_536
#: A record of TLS that carries a handshake, which each conversation must begin with.
HANDSHAKE: Final = b"\x16\x03"


class Wiretap:
    """Passes every byte on, and keeps what callers say. An async context manager."""

    def __init__(self, port: int) -> None:
        self._port = port
        #: What each caller has said so far.
        self.said: list[bytearray] = []
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        """Listen on a port of its own."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        self._server.close()
        self.reset()

    def url(self, plain: str, authority: str) -> str:
        """Return where to call, as `localhost`, with the authority that is to be believed."""
        parts = urlsplit(plain)
        login = parts.netloc.rpartition("@")[0]
        port = self._server.sockets[0].getsockname()[1]
        place = parts._replace(scheme="amqps", netloc=f"{login}@localhost:{port}")
        return f"{place.geturl()}?cafile={authority}"

    def reset(self) -> None:
        """Cut every conversation."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def in_the_open(self) -> list[bytes]:
        """Return how each conversation began that was not encrypted from its first byte on."""
        return [
            bytes(said[:40])
            for said in self.said
            if said and (not said.startswith(HANDSHAKE) or b"AMQP" in said or b"PLAIN" in said)
        ]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = bytearray()
        self.said.append(said)
        with suppress(OSError):
            back, forth = await asyncio.open_connection("127.0.0.1", self._port)
            self._writers |= {writer, forth}
            try:
                await asyncio.gather(_pass(reader, forth, said), _pass(back, writer, bytearray()))
            finally:
                self._writers -= {writer, forth}
                forth.transport.abort()
        writer.transport.abort()


async def _pass(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray
) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            kept += chunk
            writer.write(chunk)
            await writer.drain()
        writer.close()
