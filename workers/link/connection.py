"""Opens aio-pika connections whose hot frames pass by us first.

aio-pika does the handshake, heartbeats, channels, topology and closes. The frames that come by the
thousand - deliveries on a consuming channel, confirms on a publishing one - are taken out of the
byte stream before it sees them, through the transport factory that aiormq offers for this.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import aio_pika
import pamqp.commands
import pamqp.exceptions
import pamqp.frame
from aio_pika.abc import ConnectionParameter
from aiormq.connection import SSLContextProvider, TransportFactory
from aiormq.exceptions import AMQPConnectionError, ConnectionNotAllowed, InvalidFrameError

from workers.link.frames import HotFrames
from workers.link.pulse import Pulse
from workers.link.wire import HEARTBEAT

if TYPE_CHECKING:
    from aiormq.abc import AbstractChannel
    from yarl import URL

#: Bytes asyncio may buffer for aio-pika before it stops reading the socket; hot frames never get
#: there, so it is only ever used by the library's own slow traffic.
COLD_BUFFER: Final = 1 << 20
#: Seconds between the heartbeats we show aio-pika while a connection carries hot frames only, so
#: that its own liveness clock knows what we know. Far below the shortest sensible heartbeat.
SIGN_OF_LIFE: Final = 1.0
#: Seconds for one answer of the broker's; a quorum queue may be electing a leader.
ANSWER_WITHIN: Final = 30.0
#: Bytes a frame must hold: the properties of a dead letter - 16 KiB of our headers, 8 of the
#: sender's, its texts - are never split over frames. Brokers allow 131,072 by default.
LEAST_FRAME: Final = 32_768


class NoRoom(AMQPConnectionError):
    """The broker has as many connections as it may; another time there may be fewer."""


class Tap(asyncio.StreamReader):
    """The stream aio-pika reads from; what is hot is taken out as the bytes arrive."""

    def __init__(self, frames: HotFrames, pulse: Pulse, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=COLD_BUFFER, loop=loop)
        self._frames = frames
        self._pulse = pulse
        self._clock = loop.time
        self._shown = 0.0
        #: What came last for aio-pika.
        self.last = b""

    def feed_data(self, data: bytes | bytearray | memoryview) -> None:  # type: ignore[override] # asyncio's stub names fewer types than it is called with
        """Split what came from the socket; called by asyncio's protocol."""
        self._pulse.felt = True
        cold = self._frames.feed(bytes(data))
        now = self._clock()
        if cold:
            self.last = cold
            super().feed_data(cold)
            self._shown = now
        elif now - self._shown >= SIGN_OF_LIFE:
            super().feed_data(HEARTBEAT)
            self._shown = now


class _TapTransport(TransportFactory):
    """Makes the socket of one connection, TLS or not, with our tap in it."""

    def __init__(self) -> None:
        self.frames = HotFrames()
        self.pulse = Pulse()
        self.writer: asyncio.StreamWriter | None = None
        self.tap: Tap | None = None

    async def create(
        self, url: URL, **kwargs: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        provider: SSLContextProvider = kwargs.pop("ssl_context_provider")
        context = await provider.get_context() if url.scheme == "amqps" else None
        loop = asyncio.get_running_loop()
        self.tap = tap = Tap(self.frames, self.pulse, loop)
        protocol = asyncio.StreamReaderProtocol(tap, loop=loop)
        try:
            transport, _ = await loop.create_connection(
                lambda: protocol,
                url.host or "",
                url.port or 5672,
                ssl=context,
                **kwargs,
            )
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error
        self.writer = asyncio.StreamWriter(transport, protocol, tap, loop)
        return tap, self.writer


class _Connection(aio_pika.Connection):
    """aio-pika's plain connection, told to use the transport it is given."""

    PARAMETERS = (
        *aio_pika.Connection.PARAMETERS,
        ConnectionParameter(name="transport_factory", parser=lambda given: given, is_kwarg=True),
    )

    def __del__(self) -> None:
        """Leave closing to whoever opened it: what is begun while it is collected nobody awaits."""


class Wire:
    """One open connection: aio-pika's for everything slow, the raw bytes for everything fast."""

    def __init__(self, connection: aio_pika.Connection, transport: _TapTransport) -> None:
        if transport.writer is None or connection.transport is None:
            raise AMQPConnectionError("the connection closed while it was being opened")
        self.connection = connection
        self.frames = transport.frames
        tuned = connection.transport.connection.connection_tune
        self.frame_max: int = tuned.frame_max
        #: Why we cut it ourselves; empty where we did not.
        self.why = ""
        self._pulse = transport.pulse
        self._pulse.watch(tuned.heartbeat, self._silent)
        self._writer = transport.writer
        #: Puts whole frames on the socket at once; aio-pika's own writes go between them.
        self.write = transport.writer.write

    @property
    def is_open(self) -> bool:
        """Whether bytes written now have a chance to arrive."""
        return not self._writer.is_closing() and not self.connection.is_closed

    async def channel(self, *, confirms: bool) -> AbstractChannel:
        """Open a channel and return the underlying one, which has the number."""
        channel = self.connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
        async with asyncio.timeout(ANSWER_WITHIN):
            await channel.initialize()
            return await channel.get_underlay_channel()

    async def close(self, *, timeout: float = 5.0) -> None:  # noqa: ASYNC109 - bounds a library call
        """Close in good order, or cut the socket when the broker does not answer in time."""
        self._pulse.stop()
        try:
            async with asyncio.timeout(timeout):
                await self.connection.close()
        except (TimeoutError, OSError, AMQPConnectionError):
            self._writer.transport.abort()

    def abort(self, why: str) -> None:
        """Cut the socket; aio-pika notices as it would notice a lost line."""
        self.why = self.why or why
        self._writer.transport.abort()

    def _silent(self) -> None:
        """Cut a line on which nothing comes, not even what a broker sends that is idle."""
        if self.is_open:
            self.abort("nothing came for two heartbeats, not even one; is the line cut?")


async def open_wire(url: URL, *, name: str, heartbeat: int, timeout: float) -> Wire:  # noqa: ASYNC109 - bounds connecting
    """Connect and log in, or raise what aio-pika raises; `heartbeat` and `timeout` in seconds.

    A virtual host that the broker refuses is ConnectionNotAllowed with its word for it, which the
    library drops, or NoRoom where it is a matter of how many there are.
    """
    transport = _TapTransport()
    address = url.update_query(name=name, heartbeat=heartbeat)
    connection = _Connection(address, transport_factory=transport)
    try:
        async with asyncio.timeout(timeout):
            await connection.connect(timeout=timeout)
    except InvalidFrameError as error:
        why = _farewell(b"" if transport.tap is None else transport.tap.last)
        if "connection limit" in why:
            raise NoRoom(why) from error
        if why:
            raise ConnectionNotAllowed(why) from error
        raise
    return Wire(connection, transport)


def _farewell(came: bytes) -> str:
    """Return why the broker closes the connection, where that is what came; empty for others."""
    try:
        _, _, frame = pamqp.frame.unmarshal(came)
    except (pamqp.exceptions.UnmarshalingException, ValueError):
        return ""
    return str(frame.reply_text) if isinstance(frame, pamqp.commands.Connection.Close) else ""
