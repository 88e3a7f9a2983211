"""What opening a connection leaves behind when nothing came of it."""

from __future__ import annotations

import asyncio
import gc

import pytest
from aio_pika.exceptions import AMQPConnectionError
from pamqp import commands, frame
from yarl import URL

from workers.link import connection


def test_a_connection_that_never_was_is_collected_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also by a collector that comes when the loop does not run; aio-pika would begin to close."""
    opened: list[object] = []

    class Kept(connection._Connection):
        async def connect(self, timeout: object = None) -> None:  # noqa: ASYNC109 - aio-pika's
            opened.append(self)
            raise AMQPConnectionError("nobody is there")

    async def refused() -> None:
        with pytest.raises(AMQPConnectionError):
            await connection.open_wire(URL("amqp://localhost"), name="", heartbeat=1, timeout=1)

    monkeypatch.setattr(connection, "_Connection", Kept)
    with asyncio.Runner() as runner:
        runner.run(refused())
        asyncio.set_event_loop(None)  # whoever collects it has no loop at all
        opened.clear()
        gc.collect()


def test_why_the_broker_closed_is_read_from_what_came_last() -> None:
    """The library only says that it was no Open-Ok."""
    close = commands.Connection.Close(530, "NOT_ALLOWED - no such vhost", 10, 40)
    assert connection._farewell(frame.marshal(close, 0)) == "NOT_ALLOWED - no such vhost"
    for other in (b"", b"noise", frame.marshal(commands.Connection.OpenOk(), 0)):
        assert connection._farewell(other) == ""
