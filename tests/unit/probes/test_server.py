"""The HTTP server of metrics, probes and console, before its first request."""

from __future__ import annotations

import socket

from starlette.applications import Starlette

from workers.probes.web import Server


async def test_it_listens_from_the_moment_its_address_is_known() -> None:
    """Whoever hears the port may come at once, on a busy machine too."""
    async with Server(Starlette(), host="127.0.0.1", port=0) as server:
        # No turn of the loop in between: the server has had no time to do anything.
        with socket.create_connection(("127.0.0.1", server.port), timeout=5):
            pass
