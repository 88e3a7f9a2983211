"""Ends a task, also one that takes its cancellation for something else.

The AMQP library loses some: one that comes while it waits for an answer of the broker's may end
that wait as if the answer had come, or as a lost connection.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

#: Seconds after which a task that still goes on is cancelled again: longer than it may take to
#: close its connection in good order, which another cancellation would cut short.
AGAIN_AFTER: Final = 10.0


async def cancelled(task: asyncio.Task[Any], *, again_after: float = AGAIN_AFTER) -> None:
    """Cancel a task and return when it is over, however often it must be told."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=again_after)


def heed() -> None:
    """Raise the cancellation of this task that got lost, if one did; call it before a long wait."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
