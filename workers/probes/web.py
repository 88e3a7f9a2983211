"""Metrics and probes over HTTP, in the worker's own loop."""

from __future__ import annotations

import asyncio
import errno
import socket
from inspect import isawaitable
from typing import TYPE_CHECKING, Final, Self

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from workers.probes.manners import Mannered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from workers.probes.health import Health

#: Seconds for the last requests when the server stops.
LAST_REQUESTS: Final = 2
#: Connections that may wait for the server to get to them.
WAITING: Final = 100


class PortTaken(Exception):
    """The HTTP port cannot be had; the message says what to do."""


def application(
    page: Callable[[str], tuple[bytes, str] | Awaitable[tuple[bytes, str]]],
    health: Health,
    console: ASGIApp | None = None,
) -> Starlette:
    """Return the ASGI app; `page` makes the exposition for an Accept header.

    With a console, that has every other address.
    """

    async def metrics(request: Request) -> Response:
        made = page(request.headers.get("accept", ""))
        body, content_type = await made if isawaitable(made) else made
        return Response(body, media_type=None, headers={"content-type": content_type})

    async def livez(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(_request: Request) -> Response:
        if health.reason is None:
            return PlainTextResponse(f"ready: {health.remark}\n" if health.remark else "ready\n")
        return PlainTextResponse(f"{health.reason}\n", status_code=503)

    async def start(_request: Request) -> Response:
        return PlainTextResponse("leveret: /metrics /livez /readyz\n")

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/livez", livez),
            Route("/readyz", readyz),
            Mount("/", console) if console else Route("/", start),
        ]
    )


class Server:
    """Serves an app while its context is open; port 0 picks a free one."""

    def __init__(
        self, app: ASGIApp, *, host: str, port: int, settings: str = "LEVERET_HTTP"
    ) -> None:
        self._app = app
        #: How the settings of host and port begin, to name them where there is no listening.
        self._settings = settings
        self._host = host
        self.port = port
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Listen; raises PortTaken."""
        listener = _listen(self._host, self.port, self._settings)
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            http=Mannered,
            timeout_graceful_shutdown=LAST_REQUESTS,
        )
        self._server = uvicorn.Server(config)
        # Its own `serve` would take our signal handlers; this is the part of it below them.
        self._task = asyncio.create_task(self._server._serve([listener]), name="http")  # noqa: SLF001 - see above
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await asyncio.wait([self._task])


def _listen(host: str, port: int, settings: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, or asyncio would not know it for TCP, and every page would wait for a delayed ack.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Now, and not when the server gets to it: whoever hears the address may come at once.
        listener.listen(WAITING)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"port {port} on {host} is taken, by another one of ours perhaps; set "
                f"{settings}_PORT to another one, or to 0 to have one picked",
            ) from error
        raise PortTaken(
            f"cannot listen on {host}:{port} ({error}); check {settings}_HOST"
        ) from error
    return listener
