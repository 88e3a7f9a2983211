"""The end of the journal: the place of its last message, which the broker has no question for.

The number of messages it tells lags behind. So the last chunk is read, which comes at once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiormq.exceptions import ChannelNotFoundEntity

from workers.headers import OFFSET
from workers.link.connection import ANSWER_WITHIN
from workers.link.properties import decode_properties
from workers.link.supervisor import LinkError
from workers.link.wire import ack

if TYPE_CHECKING:
    from aiormq.abc import AbstractChannel

    from workers.link.connection import Wire

#: Messages on their way to us; acked by the half.
AT_ONCE: Final = 1_000
ACK_EVERY: Final = AT_ONCE // 2
#: Seconds for a channel to close.
CLOSED_WITHIN: Final = 5.0
#: Seconds in which the last chunk of a stream comes that has none by all that the broker knows.
EMPTY: Final = 0.2
#: Seconds between two messages of one chunk, at the most.
AT_ONCE_GAP: Final = 0.02


async def last_place(wire: Wire, stream: str) -> int:
    """Return the place of the last message, -1 where there is none; LinkError without a stream."""
    channel = await wire.channel(confirms=False)
    try:
        queue = await channel.queue_declare(stream, passive=True, timeout=ANSWER_WITHIN)
    except ChannelNotFoundEntity as error:
        raise LinkError(
            f"there is no stream {stream}; is the prefix right (--prefix)? If it is, `leveret "
            "topology apply` makes it",
        ) from error
    chunk = _Chunk(wire, channel.number)
    await channel.basic_qos(prefetch_count=AT_ONCE, timeout=ANSWER_WITHIN)
    await channel.basic_consume(stream, never, arguments={OFFSET: "last"}, timeout=ANSWER_WITHIN)
    last = await chunk.read(ANSWER_WITHIN if queue.message_count else EMPTY)
    await close(channel)
    wire.frames.unwatch(channel.number)
    return last


async def close(channel: AbstractChannel) -> None:
    """Close a channel; raises TimeoutError where the broker does not answer."""
    async with asyncio.timeout(CLOSED_WITHIN):
        await channel.close()


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


async def never(_message: object) -> None:
    """Stand where aio-pika wants a callback; the tap takes every delivery before it gets there."""
    raise AssertionError("a delivery passed the tap")
