"""The HTTP server of metrics, probes and console, before its first request."""

from __future__ import annotations

import socket

import pytest
from starlette.applications import Starlette

from workers.probes.web import PortTaken, Server


async def test_it_listens_from_the_moment_its_address_is_known() -> None:
    """Whoever hears the port may come at once, on a busy machine too."""
    async with Server(Starlette(), host="127.0.0.1", port=0) as server:
        # No turn of the loop in between: the server has had no time to do anything.
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as line:
            assert line.getpeername()[1] == server.port


async def test_a_taken_port_names_the_setting_that_is_its_own() -> None:
    """A console's port is not that of a worker's metrics."""
    async with Server(Starlette(), host="127.0.0.1", port=0) as there:
        for settings in ("LEVERET_HTTP", "LEVERET_CONSOLE"):
            with pytest.raises(PortTaken, match=f"set {settings}_PORT"):
                await Server(
                    Starlette(), host="127.0.0.1", port=there.port, settings=settings
                ).__aenter__()
