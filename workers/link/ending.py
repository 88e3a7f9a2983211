"""How a channel ends: closed by either side, or its consumer cancelled by the broker."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiormq.exceptions import AMQPChannelError

from workers.link.cancelling import heed
from workers.link.supervisor import Lost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiormq.abc import AbstractChannel

    from workers.link.connection import Wire


class Ending:
    """Notices the end of one channel, and wakes whoever waits on `stir` when it comes."""

    def __init__(self, wire: Wire, channel: AbstractChannel, stir: asyncio.Event) -> None:
        self._wire = wire
        self._stir = stir
        self._why: Exception | None = None
        #: Bounds what is being asked of the broker at present.
        self._bound: asyncio.Timeout | None = None
        channel.on_consumer_cancel_callbacks.add(self._cancelled)
        channel.closing.add_done_callback(self._closed)

    def check(self) -> None:
        """Raise the reason once there is one: what the broker said, or Lost."""
        if self._why is not None:
            raise self._why

    @asynccontextmanager
    async def heeded(self) -> AsyncIterator[None]:
        """Cut the block short when the end comes, and raise the reason.

        The library forgets whoever asks something on a channel that has just ended: the answer
        would be waited for until the question's own time is over.
        """
        self.check()
        try:
            async with asyncio.timeout(None) as self._bound:
                yield
        except TimeoutError:
            self.check()
            raise
        finally:
            self._bound = None

    def _cancelled(self, frame: object) -> None:
        tag = getattr(frame, "consumer_tag", "?")
        self._end(Lost(f"the broker cancelled consumer {tag}: was its queue deleted?"))

    def _closed(self, closing: asyncio.Future[object]) -> None:
        error = None if closing.cancelled() else closing.exception()
        if isinstance(error, AMQPChannelError):
            self._end(error)  # `explain` has words for it
        elif self._wire.why:
            self._end(Lost(self._wire.why))
        else:
            self._end(Lost(f"channel closed: {error}" if error else "channel closed"))

    def _end(self, why: Exception) -> None:
        self._why = self._why or why
        self._stir.set()
        if self._bound is not None and not self._bound.expired():
            self._bound.reschedule(asyncio.get_running_loop().time())


async def stirred(stir: asyncio.Event, within: float) -> bool:
    """Wait until something happened, and return True; False after `within` seconds without."""
    heed()
    try:
        async with asyncio.timeout(within):
            await stir.wait()
    except TimeoutError:
        return False
    return True
