"""The loop has its turns however much there is to do: sockets are read and timers go off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from waiting import eventually

from workers.outcome import Delivery, Outcome, Replied, Subject
from workers.runners import TURN, Runners

if TYPE_CHECKING:
    from workers.around.limits import TimeLimit

#: Far more than a turn's, and as many as may be with a worker at once.
MANY = 20 * TURN


class Turns:
    """How many messages came to their end in each turn of the loop."""

    def __init__(self) -> None:
        self.done = 0
        self.most = 0
        self._seen = 0

    def settle(self, _delivery: Delivery, _outcome: Outcome, _seconds: float) -> None:
        """Count one."""
        self.done += 1

    def look(self) -> None:
        """Look in each turn, as a socket that is always readable would."""
        self.most = max(self.most, self.done - self._seen)
        self._seen = self.done
        if self.done < MANY:
            asyncio.get_running_loop().call_soon(self.look)


@pytest.mark.parametrize("every", [0, 7])
async def test_a_turn_is_bounded_whatever_runners_are_awake(every: int) -> None:
    """Those that wake one another do not add up; one processor in `every` waits a moment."""
    turns = Turns()

    async def handle(delivery: Delivery, _limit: TimeLimit) -> Outcome:
        if every and delivery.tag % every == 0:
            await asyncio.sleep(0)
        return Replied(Subject())

    runners = Runners(handle, turns.settle, most=MANY)
    turns.look()
    for tag in range(1, MANY + 1):
        runners.take(Delivery(b"", tag=tag))
    await eventually(lambda: turns.done == MANY)
    await runners.stop()
    # Those that waited end in a turn that has messages of its own.
    assert turns.most <= 2 * TURN if every else turns.most == TURN
