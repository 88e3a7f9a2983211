"""Reads the journal of dead letters from any place to its end, and on: nothing is taken out of it.

A stream keeps what it has, whoever reads: no letter is delivered, counted or moved by this.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from aiormq.exceptions import ChannelLockedResource, ChannelNotFoundEntity
from yarl import URL

from workers.headers import OFFSET, offset_of
from workers.link.connection import ANSWER_WITHIN, open_wire
from workers.link.properties import decode_properties
from workers.link.scan import HEARTBEAT, told
from workers.link.supervisor import LinkError, Lost
from workers.link.wire import ack
from workers.outcome import Delivery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiormq.abc import AbstractChannel

    from workers.link.connection import Wire
    from workers.link.desk import Desk

#: Messages on their way to us; acked by the half.
AT_ONCE: Final = 1_000
ACK_EVERY: Final = AT_ONCE // 2
#: Seconds without a message after which the end is taken to be reached, whatever was there before.
SILENCE: Final = 1.0
#: Seconds in which the last chunk of a stream comes that has none by all that the broker knows.
EMPTY: Final = 0.2
#: Seconds between two messages of one chunk, at the most.
AT_ONCE_GAP: Final = 0.02


class Depth(NamedTuple):
    """How many letters lie in the queue of open ones, and whether somebody has some in hand."""

    ready: int
    busy: bool


class Restarted(Exception):
    """The stream ends before the place asked for: it was deleted and made anew."""


class Following:
    """Shows each message to `take`, once and in order; lent by `following`."""

    def __init__(
        self,
        desk: Desk,
        wire: Wire,
        channel: AbstractChannel,
        take: Callable[[Delivery], None],
    ) -> None:
        self._desk = desk
        self._wire = wire
        self._channel = channel
        self._number: int = channel.number
        self._take = take
        self._first = 0
        self._end = -1
        self._moved = asyncio.Event()
        self._over = False
        #: The place of the latest message shown; -1 before the first.
        self.latest = -1
        wire.frames.watch_deliveries(self._number, self)
        channel.closing.add_done_callback(lambda _: self.closed())

    async def begin(self, offset: int) -> None:
        """Begin at a place, 0 for the first there is; raises Restarted."""
        self._end = await self._last()
        if offset > self._end + 1:
            raise Restarted
        self._first = offset
        self.latest = offset - 1
        await self._channel.basic_qos(prefetch_count=AT_ONCE, timeout=ANSWER_WITHIN)
        await self._channel.basic_consume(
            self._desk.names.journal,
            _never,
            arguments={OFFSET: offset or "first"},
            timeout=ANSWER_WITHIN,
        )

    async def caught_up(self) -> None:
        """Return when all that was there at the beginning is shown."""
        with told(self._desk):
            while self.latest < self._end and await self._more(SILENCE):
                pass

    async def wait(self, seconds: float) -> None:
        """Return when something new was shown, or after so many seconds."""
        with told(self._desk):
            await self._more(seconds)

    async def depth(self) -> Depth:
        """Return how many letters lie in the queue of open ones."""
        with told(self._desk):
            channel = await self._wire.channel(confirms=False)
            queue = await channel.queue_declare(
                self._desk.queue,
                passive=True,
                timeout=ANSWER_WITHIN,
            )
            busy = await self._busy(channel)
            return Depth(queue.message_count or 0, busy)

    async def _busy(self, channel: AbstractChannel) -> bool:
        """Whether somebody holds the right to scan."""
        try:
            await channel.queue_declare(self._desk.lock, passive=True, timeout=ANSWER_WITHIN)
        except ChannelLockedResource:
            return True
        except ChannelNotFoundEntity:
            return False
        return False

    async def _last(self) -> int:
        """Return the place of the last message, -1 where there is none.

        The broker has no such question; and the number of messages it tells lags behind. So the
        last chunk is read, which comes at once.
        """
        channel = await self._wire.channel(confirms=False)
        name = self._desk.names.journal
        try:
            queue = await channel.queue_declare(name, passive=True, timeout=ANSWER_WITHIN)
        except ChannelNotFoundEntity as error:
            raise LinkError(
                f"there is no stream {name}; is the prefix right (--prefix)? If it is, `leveret "
                "topology apply` makes it",
            ) from error
        chunk = _Chunk(self._wire, channel.number)
        await channel.basic_qos(prefetch_count=AT_ONCE, timeout=ANSWER_WITHIN)
        await channel.basic_consume(name, _never, arguments={OFFSET: "last"}, timeout=ANSWER_WITHIN)
        last = await chunk.read(ANSWER_WITHIN if queue.message_count else EMPTY)
        await channel.close()
        self._wire.frames.unwatch(channel.number)
        return last

    async def _more(self, within: float) -> bool:
        if self._over or not self._wire.is_open:
            raise Lost("the connection ended while the journal was being read")
        latest = self.latest
        self._moved.clear()
        try:
            async with asyncio.timeout(within):
                await self._moved.wait()
        except TimeoutError:
            return self.latest > latest
        return True

    def closed(self) -> None:
        """Note that the broker has closed the channel."""
        self._over = True
        self._moved.set()

    def delivered(
        self,
        _consumer_tag: bytes,
        tag: int,
        redelivered: bool,  # noqa: FBT001 - AMQP's own field
        exchange: bytes,
        routing_key: bytes,
        header: bytes,
        body: bytes,
    ) -> None:
        """Take one whole message from the frame splitter."""
        if tag % ACK_EVERY == 0:
            self._wire.write(ack(self._number, tag, multiple=True))
        properties = decode_properties(header)
        delivery = Delivery(
            body,
            properties,
            exchange.decode("utf-8", "replace"),
            routing_key.decode("utf-8", "replace"),
            self._desk.names.journal,
            redelivered,
            tag,
            0,
            time.monotonic(),
        )
        offset = offset_of(delivery)
        self._moved.set()
        if offset < self._first:
            return  # the broker begins with the whole chunk
        self.latest = offset
        self._take(delivery)


class _Chunk:
    """Takes what comes at once, and tells the last place in it."""

    def __init__(self, wire: Wire, channel: int) -> None:
        self._wire = wire
        self._number = channel
        self._moved = asyncio.Event()
        self._last = -1
        wire.frames.watch_deliveries(channel, self)

    async def read(self, within: float) -> int:
        """Return the place of the last message; -1 where none comes within so many seconds."""
        seconds = within
        while True:
            try:
                async with asyncio.timeout(seconds):
                    await self._moved.wait()
            except TimeoutError:
                return self._last
            self._moved.clear()
            seconds = AT_ONCE_GAP

    def delivered(
        self,
        _consumer_tag: bytes,
        tag: int,
        _redelivered: bool,  # noqa: FBT001 - AMQP's own field
        _exchange: bytes,
        _routing_key: bytes,
        header: bytes,
        _body: bytes,
    ) -> None:
        """Take a message."""
        place = decode_properties(header).headers.get(OFFSET)
        self._last = place if isinstance(place, int) else self._last
        if tag % ACK_EVERY == 0:
            self._wire.write(ack(self._number, tag, multiple=True))
        self._moved.set()

    def closed(self) -> None:
        """Note that the broker has closed the channel."""
        self._moved.set()


@asynccontextmanager
async def following(
    desk: Desk,
    take: Callable[[Delivery], None],
    *,
    offset: int = 0,
) -> AsyncIterator[Following]:
    """Lend a reader of the journal from a place on; `take` must not raise.

    Raises LinkError where the journal cannot be read, and Restarted where it ends before `offset`.
    """
    with told(desk):
        wire = await open_wire(
            URL(desk.amqp_url),
            name="leveret journal",
            heartbeat=HEARTBEAT,
            timeout=desk.connect_timeout,
        )
    try:
        with told(desk):
            channel = await wire.channel(confirms=False)
            reader = Following(desk, wire, channel, take)
            await reader.begin(offset)
        yield reader
    finally:
        await wire.close()


async def _never(_message: object) -> None:
    """Stand where aio-pika wants a callback; the tap takes every delivery before it gets there."""
    raise AssertionError("a delivery passed the tap")
