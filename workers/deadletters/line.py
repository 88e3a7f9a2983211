"""The workbench's line to the journal: opened for each look, or kept open between looks.

Who looks once opens it and hangs up. A console that people browse keeps it: each look then costs
the broker one question, and the journal tells what is new by itself.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from workers.link.journal import journal
from workers.link.stream import Restarted
from workers.link.supervisor import LinkError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from workers.deadletters.ledger import Ledger
    from workers.link.desk import Desk
    from workers.link.journal import Journal
    from workers.link.stream import Following


class Line:
    """Opens the line when it is needed; `keep` is for how many seconds it then stays."""

    def __init__(self, desk: Desk, *, keep: float = 0.0) -> None:
        self._desk = desk
        self._keep = keep
        self._alone = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._journal: Journal | None = None
        self._reading: Following | None = None
        self._ledger: Ledger | None = None
        self._users = 0
        #: Whether it is to be opened anew before somebody uses it again.
        self._worn = False
        self._later: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def journal(self) -> AsyncIterator[Journal]:
        """Lend the open line; raises LinkError."""
        async with self._alone:
            if self._journal is None or not self._journal.is_open:
                await self._hang_up()
                self._journal = await self._stack.enter_async_context(journal(self._desk))
            line = self._journal
            self._users += 1
        try:
            yield line
        finally:
            self._users -= 1
            await self._left()

    @asynccontextmanager
    async def reading(self, ledger: Ledger) -> AsyncIterator[tuple[Journal, Following]]:
        """Lend the line and a reader that goes on showing the journal to the ledger.

        Raises LinkError, and Restarted where the journal is not the one the ledger began with. One
        at a time.
        """
        async with self.journal() as line:
            reading = self._reading
            try:
                if reading is None or not reading.is_open or self._ledger is not ledger:
                    context = line.following(ledger.take, offset=ledger.next)
                    reading = await self._stack.enter_async_context(context)
                    self._reading, self._ledger = reading, ledger
                yield line, reading
            except (LinkError, Restarted):
                self._reading = None
                self._worn = True
                raise

    async def close(self) -> None:
        """Hang up, whoever uses it."""
        async with self._alone:
            await self._hang_up()

    async def _left(self) -> None:
        if not self._keep or self._worn:
            await self._close_if_idle()
            return
        if self._later is not None:
            self._later.cancel()
        self._later = asyncio.get_running_loop().call_later(self._keep, self._close_later)

    def _close_later(self) -> None:
        self._closing = asyncio.ensure_future(self._close_if_idle())

    async def _close_if_idle(self) -> None:
        async with self._alone:
            if not self._users:
                await self._hang_up()

    async def _hang_up(self) -> None:
        if self._later is not None:
            self._later.cancel()
        stack, self._stack = self._stack, AsyncExitStack()
        self._journal = self._reading = self._ledger = None
        self._worn = False
        with suppress(LinkError):
            await stack.aclose()
