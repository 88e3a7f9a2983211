"""Lets one attempt run while no other of this process does."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from workers.outcome import Delivery


class Solitude:
    """Counts the attempts that run: two additions a message while nobody wants to be alone."""

    __slots__ = ("_left", "_open", "_turn", "running", "who")

    def __init__(self) -> None:
        #: Attempts that run now.
        self.running = 0
        #: Session and tag of the delivery that is alone, or waits for the others to end.
        self.who: tuple[int, int] | None = None
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
        """Hold back every other attempt, wait until those that run have ended, then go on."""
        async with self._turn:
            self.who = delivery.session, delivery.tag
            self._open.clear()
            try:
                while self.running:
                    self._left.clear()
                    await self._left.wait()
                yield
            finally:
                self.who = None
                self._open.set()
