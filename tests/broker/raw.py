"""A publisher that sends any bytes at all: twelve frames of AMQP over a plain socket.

No client library would write what these tests need written: flags with nothing behind them, texts
that are no UTF-8, tables 600 deep.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final, Self

from pamqp import commands, frame, header
from yarl import URL

if TYPE_CHECKING:
    from pamqp.base import Frame

#: Seconds the broker may take for one answer.
WITHIN: Final = 10.0
FRAME_MAX: Final = 131_072


class Refused(Exception):
    """The broker closed the channel or the connection: the message never reached a queue."""


class RawPublisher:
    """Publishes with confirms what it is given, header bytes and all; a context manager."""

    def __init__(self, url: str) -> None:
        self._url = URL(url)
        self._rest = b""

    def __enter__(self) -> Self:
        """Connect, log in, open a channel and turn confirms on."""
        url = self._url
        self._socket = socket.create_connection((url.host or "", url.port or 5672), WITHIN)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(b"AMQP\x00\x00\x09\x01")
        self._hear(commands.Connection.Start)
        login = f"\0{url.user}\0{url.password}"
        self._say(commands.Connection.StartOk({}, "PLAIN", login, "en_US"), 0)
        self._hear(commands.Connection.Tune)
        self._say(commands.Connection.TuneOk(2_047, FRAME_MAX, 0), 0)
        self._say(commands.Connection.Open(url.path[1:] or "/"), 0)
        self._hear(commands.Connection.OpenOk)
        self._say(commands.Channel.Open(), 1)
        self._hear(commands.Channel.OpenOk)
        self._say(commands.Confirm.Select(), 1)
        self._hear(commands.Confirm.SelectOk)
        return self

    def __exit__(self, *_error: object) -> None:
        """Hang up."""
        self._socket.close()

    def publish(self, exchange: str, key: str, header_: bytes, body: bytes) -> None:
        """Send a message whose content header is `header_`, from its flags on; see it confirmed.

        Raises Refused where the broker will not have it.
        """
        self._say(commands.Basic.Publish(exchange=exchange, routing_key=key), 1)
        self._send(2, struct.pack(">HHQ", 60, 0, len(body)) + header_)
        if body:
            self._send(3, body)
        self._hear(commands.Basic.Ack)

    def _say(self, method: Frame, channel: int) -> None:
        self._socket.sendall(frame.marshal(method, channel))

    def _send(self, kind: int, payload: bytes) -> None:
        self._socket.sendall(struct.pack(">BHI", kind, 1, len(payload)) + payload + b"\xce")

    def _hear(self, wanted: type[Frame]) -> None:
        while True:
            try:
                size, _, heard = frame.unmarshal(self._rest)
            except (frame.exceptions.UnmarshalingException, struct.error, IndexError):
                size, heard = 0, None
            if not size:
                more = self._socket.recv(65_536)
                if not more:
                    raise Refused("the broker hung up")
                self._rest += more
                continue
            self._rest = self._rest[size:]
            if isinstance(heard, wanted):
                return
            if isinstance(heard, commands.Channel.Close | commands.Connection.Close):
                raise Refused(f"{heard.reply_code} {heard.reply_text}")


def written(**properties: object) -> bytes:
    """Return a decent content header, from its flags on."""
    told = commands.Basic.Properties(**properties)  # type: ignore[arg-type] # each test gives what fits
    return header.ContentHeader(0, 0, told).marshal()[12:]
