"""`fetch_local`: waits for a slow peer on the network, as most work in a service does.

The peer is a small server on the loopback address, started for the attempt and closed with it, so
the example needs nobody else. The waiting is real: a connection, a request, and an answer that
comes in pieces with pauses between them. While it waits it costs nothing but its memory; a worker
does hundreds of these at once.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from workers import Context, Registry

registry = Registry()

#: Only this machine can connect.
LOOPBACK: Final = "127.0.0.1"
#: Seconds to reach a peer on the same machine: longer means that it is not there.
CONNECT_WITHIN: Final = 5.0
#: One attempt holds three file descriptors, and many systems give a process 1024.
AT_ONCE: Final = 64

_PATTERN: Final = bytes(range(256))


class FetchParameters(BaseModel):
    """How much the peer sends, in how many pieces, over how many seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: Annotated[int, Field(ge=1, le=1_048_576)] = 4_096
    pieces: Annotated[int, Field(ge=1, le=100)] = 4
    seconds: Annotated[float, Field(ge=0, le=30)] = 0.2


class Fetched(BaseModel):
    """What came: its length in bytes, its SHA-256, and the seconds until the last byte."""

    model_config = ConfigDict(frozen=True)

    size: int
    sha256: str
    seconds: float


@registry.task("fetch_local", parameters=FetchParameters, concurrency=AT_ONCE)
async def fetch_local(parameters: FetchParameters, _context: Context) -> Fetched:
    """Answer with the length and hash of what a slow server on this machine sends."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        try:
            await _send(reader, writer, parameters)
        finally:
            writer.close()

    loop = asyncio.get_running_loop()
    started = loop.time()
    server = await asyncio.start_server(serve, LOOPBACK, 0)
    async with server:
        address = server.sockets[0].getsockname()
        received = await _fetch(address[0], address[1])
    return Fetched(
        size=len(received),
        sha256=hashlib.sha256(received).hexdigest(),
        seconds=round(loop.time() - started, 3),
    )


async def _fetch(host: str, port: int) -> bytes:
    async with asyncio.timeout(CONNECT_WITHIN):
        reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"send\n")
        return await reader.read()
    finally:
        writer.close()


async def _send(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parameters: FetchParameters
) -> None:
    content = content_of(parameters.size)
    # Rounded up, so that there are never more pieces than asked for.
    step = -(-len(content) // parameters.pieces)
    for start in range(0, len(content), step):
        if await _hung_up(reader, within=parameters.seconds / parameters.pieces):
            return
        writer.write(content[start : start + step])


async def _hung_up(reader: asyncio.StreamReader, *, within: float) -> bool:
    """Wait so many seconds, or until the other side ends the connection; return whether it did."""
    try:
        async with asyncio.timeout(within):
            await reader.read(1)
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def content_of(size: int) -> bytes:
    """Return the `size` bytes the peer sends: the 256 byte values over and over."""
    return (_PATTERN * (size // len(_PATTERN) + 1))[:size]
