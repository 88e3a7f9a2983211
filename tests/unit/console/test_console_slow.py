"""Whoever takes their time costs nobody else theirs: they are hung up on."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from unit.console.visiting import opened
from waiting import eventually

from workers.console import live
from workers.console.doors import forms
from workers.console.live import Listeners, Stream
from workers.probes import manners
from workers.probes.web import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest
    from starlette.requests import Request
    from starlette.types import ASGIApp

#: Seconds until a hung up line is seen on a busy machine.
PATIENCE: Final = 20.0


@asynccontextmanager
async def line_to(app: ASGIApp) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Lend a plain socket to a server of the app."""
    async with Server(app, host="127.0.0.1", port=0) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            yield reader, writer
        finally:
            writer.close()


async def _hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


HELLO: Final = Starlette(routes=[Route("/", _hello)])
ASKED: Final = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"


async def test_half_a_request_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when more of it comes now and then; and a silent line too."""
    monkeypatch.setattr(manners, "REQUEST_WITHIN", 0.05)
    for begun in (b"", b"GET / HTTP/1.1\r\nhost: localh", ASKED + b"GET / HT"):
        async with line_to(HELLO) as (reader, writer), asyncio.timeout(PATIENCE):
            writer.write(begun)
            answered = await reader.read()
            assert (b"hello" in answered) is begun.startswith(ASKED)


async def test_whoever_goes_on_asking_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many requests on one line, for longer than one may take."""
    monkeypatch.setattr(manners, "REQUEST_WITHIN", 0.5)
    until = asyncio.get_running_loop().time() + 1.5
    async with line_to(HELLO) as (reader, writer), asyncio.timeout(PATIENCE):
        while asyncio.get_running_loop().time() < until:
            writer.write(ASKED)
            assert b"hello" in await reader.readuntil(b"hello")


async def test_a_form_that_does_not_arrive_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is told that nothing was done."""
    monkeypatch.setattr(forms, "READ_WITHIN", 0.05)
    async with opened() as app, line_to(app) as (reader, writer), asyncio.timeout(PATIENCE):
        writer.write(
            b"POST /letters/discard HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n"
            b"content-type: application/x-www-form-urlencoded\r\n\r\ntoken="
        )
        assert b"408" in await reader.readline()


async def test_whoever_leaves_while_sending_a_form_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A closed tab is told to nobody who must act."""
    caplog.set_level("DEBUG", "leveret.console")
    async with opened() as app, line_to(app) as (_, writer):
        writer.write(
            b"POST /letters/discard HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n"
            b"content-type: application/x-www-form-urlencoded\r\n\r\ntoken="
        )
        await writer.drain()
        writer.close()
        await eventually(lambda: "left before it was here" in caplog.text)
    loud = {one.name for one in caplog.records if one.levelname not in {"DEBUG", "INFO"}}
    assert loud.isdisjoint({"uvicorn.error", "leveret.console"})


async def test_a_stream_that_nobody_reads_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one of a bounded number, and must not keep its place for ever."""
    monkeypatch.setattr(live, "LONGEST", 0.2)
    monkeypatch.setattr(live, "QUIET", 0.2)
    listeners = Listeners()

    async def endless(_request: Request) -> Stream:
        return Stream(listeners, "news", lambda: "x" * 10_000_000)

    app = Starlette(routes=[Route("/", endless)])
    async with line_to(app) as (_, writer), asyncio.timeout(PATIENCE):
        writer.write(ASKED)
        await eventually(lambda: len(listeners))
        await eventually(lambda: not len(listeners))
