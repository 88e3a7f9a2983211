"""Lets one attempt run while no other of this process does, and all that is done is settled.

What was decided about one suspect must have left before the next one may take the process along:
else the first comes again with nothing known of it.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from workers.outcome import Delivery

#: Seconds to wait for what is done to be settled; a queue that takes nothing may take hours.
SETTLED_WITHIN: Final = 5.0
#: Seconds between two looks: telling would cost every message, and few are ever alone.
LOOK_EVERY: Final = 0.005


class Solitude:
    """Counts the attempts that run: two additions a message while nobody wants to be alone."""

    __slots__ = ("_left", "_open", "_turn", "running", "settling", "who")

    def __init__(self) -> None:
        #: Attempts that run now.
        self.running = 0
        #: Session and tag of the delivery that is alone, or waits for the others to end.
        self.who: tuple[int, int] | None = None
        #: Tells how many are done and not settled with the broker.
        self.settling: Callable[[], int] = int
        self._open = asyncio.Event()
        self._left = asyncio.Event()
        self._turn = asyncio.Lock()

    async def over(self, delivery: Delivery) -> None:
        """Return when nobody but this delivery wants to be alone."""
        while self.who is not None and self.who != (delivery.session, delivery.tag):
            await self._open.wait()

    def left(self) -> None:
        """Note that an attempt ended."""
        self.running -= 1
        if self.who is not None:
            self._left.set()

    @asynccontextmanager
    async def alone(self, delivery: Delivery) -> AsyncIterator[None]:
        """Hold back every other attempt, wait until those that run are over and settled; go on."""
        async with self._turn:
            self.who = delivery.session, delivery.tag
            self._open.clear()
            try:
                while self.running:
                    self._left.clear()
                    await self._left.wait()
                await self._settled()
                yield
            finally:
                self.who = None
                self._open.set()

    async def _settled(self) -> None:
        give_up = monotonic() + SETTLED_WITHIN
        while self.settling() > 0 and monotonic() < give_up:  # noqa: ASYNC110 - see LOOK_EVERY
            await asyncio.sleep(LOOK_EVERY)
        await asyncio.sleep(0)  # what the last ack waits for: it is written in the loop's next turn
