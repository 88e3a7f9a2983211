"""Whether the broker of `leveret dev` is still there: a view without one shows what was."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from workers.broker import Broker

#: Seconds between two looks.
LOOK_EVERY: Final = 0.5


async def gone(broker: Broker, playing: asyncio.Task[int]) -> str:
    """Return how the broker ended, as soon as it has; empty once the play is over without that.

    A play that failed may have failed for want of its broker, so the last look comes after it.
    """
    while not playing.done():
        if how := await asyncio.to_thread(broker.ended):
            return how
        await asyncio.wait([playing], timeout=LOOK_EVERY)
    return await asyncio.to_thread(broker.ended)
