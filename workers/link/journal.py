"""A line to the journal of dead letters, on which it can be read any number of times."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from aiormq.exceptions import ChannelLockedResource, ChannelNotFoundEntity
from yarl import URL

from workers.headers import offset_of
from workers.link.chunk import close
from workers.link.connection import ANSWER_WITHIN, open_wire
from workers.link.scan import HEARTBEAT, told
from workers.link.stream import Following
from workers.link.supervisor import LinkError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from aiormq.abc import AbstractChannel

    from workers.link.connection import Wire
    from workers.link.desk import Desk
    from workers.outcome import Delivery

#: Messages that are worked on before others have their turn: a few milliseconds.
HANDFUL: Final = 50


class Journal:
    """An open line; lent by `journal`."""

    def __init__(self, desk: Desk, wire: Wire) -> None:
        self._desk = desk
        self._wire = wire
        #: Is asked how many letters are open.
        self._asked: AbstractChannel | None = None

    @property
    def is_open(self) -> bool:
        """Whether the line holds."""
        return self._wire.is_open

    @asynccontextmanager
    async def following(
        self,
        take: Callable[[Delivery], None],
        *,
        offset: int = 0,
        paced: bool = False,
    ) -> AsyncIterator[Following]:
        """Lend a reader from a place on; `take` must not raise.

        With `paced` more comes only when what came was `taken`. Raises LinkError where the journal
        cannot be read, and Restarted where it ends before `offset`.
        """
        with told(self._desk):
            channel = await self._wire.channel(confirms=False)
            reader = Following(self._desk, self._wire, channel, take, paced=paced)
            await reader.begin(offset)
        try:
            yield reader
        finally:
            with suppress(LinkError), told(self._desk):
                await reader.leave()

    async def messages(self, *, offset: int = 0) -> AsyncGenerator[list[Delivery]]:
        """Yield what stands from a place on to the end, a handful at once, as fast as it is taken.

        Between two handfuls others have their turn, however many there are. Raises LinkError where
        the journal ends too soon: what was yielded by then is not all of it.
        """
        waiting: deque[Delivery] = deque()
        async with self.following(waiting.append, offset=offset, paced=True) as reader:
            end, at = reader.end, offset - 1
            while at < end:
                if not waiting:
                    await reader.due()
                handful = [waiting.popleft() for _ in range(min(len(waiting), HANDFUL))]
                if handful:
                    yield handful
                    reader.taken(handful[-1])
                    at = offset_of(handful[-1])
                await asyncio.sleep(0)

    async def depth(self) -> int:
        """Return how many letters lie ready in the queue of open ones."""
        with told(self._desk):
            if self._asked is None or self._asked.is_closed:
                self._asked = await self._wire.channel(confirms=False)
            queue = await self._asked.queue_declare(
                self._desk.queue, passive=True, timeout=ANSWER_WITHIN
            )
            return queue.message_count or 0

    async def busy(self) -> bool:
        """Whether somebody holds the right to scan; the broker writes into its log that we ask."""
        with told(self._desk):
            channel = await self._wire.channel(confirms=False)
            try:
                await channel.queue_declare(self._desk.lock, passive=True, timeout=ANSWER_WITHIN)
            except ChannelLockedResource:
                return True
            except ChannelNotFoundEntity:
                return False
            await close(channel)
            return False


@asynccontextmanager
async def journal(desk: Desk) -> AsyncIterator[Journal]:
    """Lend a line to the journal; raises LinkError where there is no broker."""
    with told(desk):
        wire = await open_wire(
            URL(desk.amqp_url),
            name="leveret journal",
            heartbeat=HEARTBEAT,
            timeout=desk.connect_timeout,
        )
    try:
        yield Journal(desk, wire)
    finally:
        await wire.close()


@asynccontextmanager
async def following(
    desk: Desk,
    take: Callable[[Delivery], None],
    *,
    offset: int = 0,
) -> AsyncIterator[Following]:
    """Lend a reader of the journal on a line of its own, as `Journal.following` does."""
    async with journal(desk) as line, line.following(take, offset=offset) as reader:
        yield reader
