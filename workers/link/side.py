"""A publishing line beside the main one, for what may cost its sender the channel.

Opened when first needed. What is on it when it breaks is not sent again by itself, and what finds
it broken for long is let go: whoever sent it is told, and decides.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from workers.link.publishing import Publishing

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.link.outbox import Done, Outbox
    from workers.link.plan import LinkPlan
    from workers.outcome import Answer
    from workers.publication import Publication

#: Seconds: the most between two attempts to open it. One bad message closes it, and the honest ones
#: behind it should not wait long.
LONGEST_WAIT: Final = 1.0
#: Seconds a message waits for the line.
PATIENCE: Final = 10.0


class SideLine:
    """Carries an outbox on a connection of its own."""

    def __init__(self, plan: LinkPlan, outbox: Outbox, purpose: str) -> None:
        self.outbox = outbox
        self._line = Publishing(plan, outbox, purpose)
        self._line.supervisor.longest_wait = LONGEST_WAIT
        self._opened = False
        self._looking = False

    def publish(
        self, message: Publication | Answer, done: Done, wanted: Callable[[], bool]
    ) -> None:
        """Send a message and have `done` called with its fate."""
        if not self._opened:
            self._opened = True
            self._line.supervisor.begin()
        self.outbox.publish(message, done, wanted=wanted)
        if not self.outbox.attached and not self._looking:
            self._looking = True
            self._look_in(PATIENCE)

    async def stop(self) -> None:
        """Close the line."""
        await self._line.supervisor.stop()

    def _look_in(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        """Let go of what found no line in time, and look again while others wait."""
        self._looking = self.outbox.give_up(PATIENCE)
        if self._looking:
            self._look_in(PATIENCE / 4)
