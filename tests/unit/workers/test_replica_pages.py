"""What a supervisor reads of its replicas, whatever their lines and its environment are like."""

from __future__ import annotations

import asyncio
import urllib.request
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from workers.replicas.pages import SILENT, ask, readyz

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

READY = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nready"
#: It dies before all of its page is out.
HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nhalf"
HALF_A_REASON = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 500\r\n\r\nhalf"
NO_HTTP = b"\x00\x01\x02\r\n\r\n"


@asynccontextmanager
async def replica(said: bytes) -> AsyncIterator[int]:
    """Lend the port of one that says this to whoever asks, and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_no_proxy_stands_between_a_supervisor_and_its_replicas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy of the environment is asked for nothing on loopback."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setattr(urllib.request, "_opener", None)  # made anew of this environment
    async with replica(READY) as port:
        assert await asyncio.to_thread(readyz, port) == ""
        assert await asyncio.to_thread(ask, port, "/readyz") == "ready"


@pytest.mark.parametrize("said", [HALF, HALF_A_REASON, NO_HTTP, b""])
async def test_a_replica_that_dies_while_it_answers_has_no_page(said: bytes) -> None:
    """It is left out like any other that does not answer."""
    async with replica(said) as port:
        assert await asyncio.to_thread(ask, port, "/metrics") is None


@pytest.mark.parametrize("said", [HALF_A_REASON, NO_HTTP, b""])
async def test_a_replica_that_dies_while_it_says_why_is_silent(said: bytes) -> None:
    """Half a reason is none."""
    async with replica(said) as port:
        assert await asyncio.to_thread(readyz, port) == SILENT
