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


async def test_what_is_given_back_while_a_runner_waits_for_its_turn_ends_no_runner() -> None:
    """The line is lost under load: what waited is the broker's again, and what comes is done."""
    turns = Turns()
    given: list[Delivery] = []
    alive: set[asyncio.Task[object]] = set()

    def give_back() -> None:
        alive.update(_runners())
        given.extend(runners.give_up_waiting())

    async def handle(delivery: Delivery, _limit: TimeLimit) -> Outcome:
        if delivery.tag == TURN:
            asyncio.get_running_loop().call_soon(give_back)
        return Replied(Subject())

    runners = Runners(handle, turns.settle, most=MANY)
    for tag in range(1, MANY + 1):
        runners.take(Delivery(b"", tag=tag))
    await eventually(lambda: given)
    assert turns.done + len(given) == MANY
    runners.take(Delivery(b"", tag=MANY + 1))
    await eventually(lambda: turns.done + len(given) == MANY + 1)
    assert alive
    assert not [task for task in alive if task.done()]
    await runners.stop()


async def test_a_cancellation_out_of_the_blue_strands_nothing() -> None:
    """A processor's own time-out, never taken back, strikes its runner between two turns."""
    turns = Turns()

    async def handle(delivery: Delivery, _limit: TimeLimit) -> Outcome:
        task = asyncio.current_task()
        if delivery.tag == TURN and task is not None:
            asyncio.get_running_loop().call_soon(task.cancel)
        return Replied(Subject())

    runners = Runners(handle, turns.settle, most=MANY)
    for tag in range(1, MANY + 1):
        runners.take(Delivery(b"", tag=tag))
    await eventually(lambda: turns.done == MANY)
    await runners.stop()


async def test_what_was_settled_leaves_at_once_when_nothing_is_left_to_do() -> None:
    """One write for all that came together, and none while another message is at work."""
    turns, gate = Turns(), asyncio.Event()
    done_at_rest: list[int] = []

    async def handle(delivery: Delivery, _limit: TimeLimit) -> Outcome:
        if delivery.tag == MANY:
            await gate.wait()
        return Replied(Subject())

    runners = Runners(
        handle, turns.settle, most=MANY, resting=lambda: done_at_rest.append(turns.done)
    )
    for tag in range(1, TURN):
        runners.take(Delivery(b"", tag=tag))
    await eventually(lambda: done_at_rest)
    assert set(done_at_rest) == {TURN - 1}
    runners.take(Delivery(b"", tag=MANY))
    runners.take(Delivery(b"", tag=1))
    await eventually(lambda: turns.done == TURN)
    gate.set()
    await eventually(lambda: turns.done == TURN + 1)
    await runners.stop()
    assert set(done_at_rest) == {TURN - 1, TURN + 1}


def _runners() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if task.get_name().startswith("runner-")]
