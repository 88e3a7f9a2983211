"""Reads the journal of dead letters from any place to its end, and on: nothing is taken out of it.

A stream keeps what it has, whoever reads: no letter is delivered, counted or moved by this.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from workers.headers import OFFSET, offset_of
from workers.link.chunk import AT_ONCE, close, last_place, never
from workers.link.connection import ANSWER_WITHIN
from workers.link.properties import decode_properties
from workers.link.scan import told
from workers.link.supervisor import LinkError, Lost
from workers.link.wire import ack
from workers.outcome import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiormq.abc import AbstractChannel

    from workers.link.connection import Wire
    from workers.link.desk import Desk

#: Messages on their way to whoever takes them slowly; each may be as large as a body may be.
PACED_AT_ONCE: Final = 250
#: Seconds in which something new may come where nothing need be there.
SILENCE: Final = 1.0
#: Seconds without a message that is known to be there, after which the broker is taken to be stuck:
#: what was read until then is not the whole journal, and nobody may act on it.
STUCK: Final = ANSWER_WITHIN


class Restarted(Exception):
    """The stream ends before the place asked for: it was deleted and made anew."""


class Following:
    """Shows each message to `take`, once and in order; lent by `Journal.following`."""

    def __init__(
        self,
        desk: Desk,
        wire: Wire,
        channel: AbstractChannel,
        take: Callable[[Delivery], None],
        *,
        paced: bool,
    ) -> None:
        self._desk = desk
        self._wire = wire
        self._channel = channel
        self._number: int = channel.number
        self._take = take
        #: Whether more comes only when what came was `taken`.
        self._paced = paced
        self._at_once = PACED_AT_ONCE if paced else AT_ONCE
        self._acked = 0
        self._first = 0
        #: Where the journal ends, as it was asked when reading began; None when that was used.
        self._end: int | None = None
        self._moved = asyncio.Event()
        self._over = False
        #: The place of the latest message shown; -1 before the first.
        self.latest = -1
        wire.frames.watch_deliveries(self._number, self)
        channel.closing.add_done_callback(lambda _: self.closed())
        channel.on_consumer_cancel_callbacks.add(lambda _: self.closed())

    @property
    def is_open(self) -> bool:
        """Whether what comes new is still shown."""
        return not self._over and self._wire.is_open

    async def begin(self, offset: int) -> None:
        """Begin at a place, 0 for the first there is; raises Restarted."""
        self._end = await last_place(self._wire, self._desk.names.journal)
        if offset > self._end + 1:
            raise Restarted
        self._first = offset
        self.latest = offset - 1
        await self._channel.basic_qos(prefetch_count=self._at_once, timeout=ANSWER_WITHIN)
        await self._channel.basic_consume(
            self._desk.names.journal,
            never,
            arguments={OFFSET: offset or "first"},
            timeout=ANSWER_WITHIN,
        )

    @property
    def began(self) -> bool:
        """Whether all that was there when reading began is shown."""
        return self._end is None or self.latest >= self._end

    @property
    def end(self) -> int:
        """The place at which the journal ended when reading began; -1 for an empty one."""
        return -1 if self._end is None else self._end

    async def caught_up(self) -> None:
        """Return when all that was there a moment ago is shown; raises Restarted, and LinkError."""
        with told(self._desk):
            end, self._end = self._end, None
            if end is None:
                end = await last_place(self._wire, self._desk.names.journal)
                if end < self.latest:
                    raise Restarted
            while self.latest < end:
                await self._due(end)

    async def wait(self, seconds: float = SILENCE) -> bool:
        """Return when something new was shown, or after so many seconds; and which it was."""
        with told(self._desk):
            return await self._more(seconds)

    async def due(self) -> None:
        """Return when more came of what was there when reading began; LinkError if none does."""
        with told(self._desk):
            await self._due(self.end)

    def taken(self, delivery: Delivery) -> None:
        """Let as many more come as were taken up to this one."""
        if delivery.tag - self._acked >= self._at_once // 2:
            self._acked = delivery.tag
            self._wire.write(ack(self._number, delivery.tag, multiple=True))

    async def leave(self) -> None:
        """Have no more shown."""
        if self.is_open:
            await close(self._channel)
        self._over = True
        self._wire.frames.unwatch(self._number)

    async def _due(self, end: int) -> None:
        if not await self._more(STUCK):
            raise LinkError(
                f"{self._desk.names.journal} was read as far as {self.latest} of {end}, and then "
                f"nothing came for {STUCK:g} s, so nobody knows all that it holds; look whether "
                "the broker is well (`leveret doctor`), then try again"
            )

    async def _more(self, within: float) -> bool:
        if not self.is_open:
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
        """Note that the broker sends no more: the channel is closed, or the stream deleted."""
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
        # The broker begins with the whole chunk.
        before = offset < self._first
        if before or not self._paced:
            self.taken(delivery)
        if not before:
            self.latest = offset
            self._take(delivery)
