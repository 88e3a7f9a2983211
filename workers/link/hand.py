"""A channel of a scan: the letters it holds, until they are acked or it closes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from workers.link.connection import ANSWER_WITHIN
from workers.link.properties import decode_properties
from workers.link.supervisor import Lost
from workers.link.wire import ack
from workers.outcome import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiormq.abc import AbstractChannel

    from workers.link.connection import Wire

#: Seconds without a letter after which the rest is taken to be with somebody else. A quorum queue
#: that reads from its disk pauses for tenths of a second.
SILENCE: Final = 3.0
#: Consumers on one channel. An Erlang map of more than 32 has no order.
MOST_GRASPS: Final = 30


class Hand:
    """Takes letters by the handful, a consumer each; closing gives back all that it did not ack.

    Closing, not nack: RabbitMQ 3 answers a nack by reading every letter from its log again and
    appending it, which took minutes for 100,000 letters of 2 KB; what a closed channel held it only
    puts back, in order.
    """

    def __init__(self, wire: Wire, channel: AbstractChannel, queue: str, *, session: int) -> None:
        #: Told with each letter, to find this hand again.
        self._session = session
        self._wire = wire
        self._channel = channel
        self._number: int = channel.number
        self._queue = queue
        self._take: Callable[[Delivery], None] = lambda _: None
        self._moved = asyncio.Event()
        self._acked: set[int] = set()
        self._due: list[bytes] = []
        self._over = False
        #: Handfuls taken.
        self._grasps = 0
        #: Letters that came; also the tag of the last one, since the broker counts from 1.
        self.came = 0
        wire.frames.watch_deliveries(self._number, self)
        channel.closing.add_done_callback(lambda _: self._moved.set())

    @property
    def is_open(self) -> bool:
        """Whether acking can still have an effect; if not, the broker has the letters again."""
        return self._wire.is_open and not self._over and not self._channel.is_closed

    @property
    def is_full(self) -> bool:
        """Whether the next handful needs another hand."""
        return self._grasps >= MOST_GRASPS

    async def grasp(self, size: int, take: Callable[[Delivery], None]) -> bool:
        """Take `size` more letters; False when fewer came before it fell silent."""
        self._take = take
        goal = self.came + size
        # The broker gives back consumer by consumer, in the order of their tags.
        tag = f"leveret-scan-{self._grasps:02}"
        self._grasps += 1
        await self._channel.basic_qos(prefetch_count=size, timeout=ANSWER_WITHIN)
        await self._channel.basic_consume(
            self._queue,
            _never,
            consumer_tag=tag,
            timeout=ANSWER_WITHIN,
        )
        while self.came < goal and await self._more():
            pass
        # What is held stays held; but what is given back must not come straight here again.
        await self._channel.basic_cancel(tag, timeout=ANSWER_WITHIN)
        return self.came >= goal

    def ack(self, delivery: Delivery) -> None:
        """Remove a letter for good."""
        self._acked.add(delivery.tag)
        if not self._due:
            asyncio.get_running_loop().call_soon(self.flush)
        self._due.append(ack(self._number, delivery.tag, multiple=False))

    async def close(self) -> int:
        """Give back what was not acked, in order, and return how many letters that is."""
        self.flush()
        async with asyncio.timeout(ANSWER_WITHIN):
            if self._acked and self.is_open:
                await self._settle()
            self._over = True  # an ack behind the close would cost the whole connection
            await self._channel.close()
        self._wire.frames.unwatch(self._number)
        return self.came - len(self._acked)

    def flush(self) -> None:
        """Write the acks that are due."""
        due, self._due = self._due, []
        if due and self.is_open:
            self._wire.write(b"".join(due))

    async def _settle(self) -> None:
        """Return when the queue has taken every ack.

        The broker's channel keeps acks beyond the first 32 to itself until the queue has answered
        for those, and forgets them when it closes: their letters would come back. To consume and to
        cancel are answered by the queue, one after the other and after the acks before; two rounds
        empty what the channel kept.
        """
        self._take = _leave
        for tag in ("leveret-settle-1", "leveret-settle-2"):
            await self._channel.basic_qos(prefetch_count=1, timeout=ANSWER_WITHIN)
            await self._channel.basic_consume(
                self._queue, _never, consumer_tag=tag, timeout=ANSWER_WITHIN
            )
            await self._channel.basic_cancel(tag, timeout=ANSWER_WITHIN)

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
        self.came = tag
        self._moved.set()
        self._take(
            Delivery(
                body,
                decode_properties(header),
                exchange.decode("utf-8", "replace"),
                routing_key.decode("utf-8", "replace"),
                self._queue,
                redelivered,
                tag,
                self._session,
                time.monotonic(),
            ),
        )

    async def _more(self) -> bool:
        """Wait for another letter; False after a silence."""
        if not self.is_open:
            raise Lost("the connection ended while the letters were being read")
        came = self.came
        self._moved.clear()
        try:
            async with asyncio.timeout(SILENCE):
                await self._moved.wait()
        except TimeoutError:
            return self.came > came
        return True


def _leave(_delivery: Delivery) -> None:
    """Leave a letter alone: it goes back when the channel closes."""


async def _never(_message: object) -> None:
    """Stand where aio-pika wants a callback; the tap takes every delivery before it gets there."""
    raise AssertionError("a delivery passed the tap")
