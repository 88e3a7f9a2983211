"""Who waits for a place or a turn and is not wanted any more by then takes neither."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel
from waiting import eventually, turn

from messages import Envelope, TaskRequest, TaskRequestPayload, encode
from workers import Context, Registry
from workers.around.limits import Gate, TimeLimit, Unwanted
from workers.bookkeeping import Watch
from workers.inbox.memory import MemoryInbox
from workers.inbox.once import Once
from workers.metrics.metrics import Metrics
from workers.outcome import Delivery, Outcome, Properties, Replied, Requeued
from workers.pipeline import Pipeline
from workers.probes.health import Health
from workers.registry import Limits
from workers.service import Service
from workers.settings import Settings
from workers.testing import Rehearsal, agent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Starts a second, so few that a test which waited for the second one would never end.
RARE = 0.001


class Number(BaseModel):
    """Parameters and result."""

    number: int


class Narrow:
    """A worker of one task with one place, whose first attempt holds it until it is released."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.session = 1
        self.ran: list[int] = []
        self.released = asyncio.Event()
        self.registry.task("narrow", parameters=Number, concurrency=1)(self._work)
        self.pipeline = Pipeline(self.registry, Rehearsal(self.registry).policy)
        self.pipeline.attempts.is_current = lambda delivery: delivery.session == self.session

    async def _work(self, number: Number, _context: Context) -> Number:
        self.ran.append(number.number)
        await self.released.wait()
        return number

    def begin(self, delivery: Delivery) -> asyncio.Task[Outcome]:
        """Handle a delivery in a task of its own."""
        limit = TimeLimit(asyncio.get_running_loop())
        return asyncio.create_task(self.pipeline.handle(delivery, limit))


def delivery(number: int) -> Delivery:
    """Return a delivery of the first session."""
    task = TaskRequest(task_type="narrow", parameters={"number": number})
    envelope = Envelope(
        message_type="task_request",
        payload=TaskRequestPayload(request=task, execution_context={}),
        source_agent=agent(),
    )
    return Delivery(encode(envelope), Properties(), tag=number, session=1)


async def entered(gate: Gate, is_wanted: Callable[[], bool]) -> None:
    """Go through a gate."""
    async with gate.enter(is_wanted):
        pass


async def test_work_that_waits_for_a_place_is_not_begun_once_its_session_is_over() -> None:
    """The broker brings it again, so it would be done twice."""
    narrow = Narrow()
    narrow.pipeline.attempts.once = once = Once(MemoryInbox(), retention=60.0)
    first, second = narrow.begin(delivery(1)), narrow.begin(waits := delivery(2))
    await eventually(lambda: narrow.ran == [1] and len(once._held) == 2)
    narrow.session = 2
    narrow.released.set()
    assert isinstance(await first, Replied)
    outcome = await second
    assert isinstance(outcome, Requeued)
    assert outcome.reason == "its session is over"
    again = narrow.begin(waits._replace(session=2, tag=3))
    assert isinstance(await again, Replied)
    assert narrow.ran == [1, 2]


async def test_work_that_waits_for_who_is_alone_is_not_begun_once_its_session_is_over() -> None:
    """That may take as long as the other's work does."""
    narrow = Narrow()
    narrow.released.set()
    solitude = narrow.pipeline.attempts._solitude
    async with solitude.alone(delivery(1)):
        waits = narrow.begin(delivery(2))
        await turn()
        narrow.session = 2
    outcome = await waits
    assert isinstance(outcome, Requeued)
    assert outcome.reason == "its session is over"
    assert narrow.ran == []


def test_a_worker_asks_its_link_whether_a_session_is_over(tmp_path: Path) -> None:
    """Who asked nobody would take every session for current."""
    watch = Watch(Metrics(group="g"), Health())
    settings = Settings(amqp_url="amqp://guest@h", state_dir=tmp_path)
    service = Service(settings, Narrow().registry, watch)
    assert not service._attempts.is_current(delivery(1))
    service.link.intake.session = 1
    assert service._attempts.is_current(delivery(1))
    service._guard.close()


async def test_what_is_not_wanted_any_more_takes_no_turn() -> None:
    """A prefetch of it would hold up what the broker brings again for as long as itself."""
    gate, now = Gate(Limits(rate=RARE)), asyncio.get_running_loop().time()
    wanted = True
    await entered(gate, lambda: wanted)
    waiting = [asyncio.create_task(entered(gate, lambda: wanted)) for _ in range(50)]
    await turn()
    turns = gate._turns
    assert turns is not None
    assert len(turns._waiting) == 50
    wanted = False
    turns._give()
    for one in waiting:
        with pytest.raises(Unwanted):
            await one
    assert turns._next_start <= now + 1 / RARE + 60


async def test_turns_are_given_apart_in_the_order_they_are_asked_for() -> None:
    """What the loop is late with is made up for, and who went away takes none."""
    loop = asyncio.get_running_loop()
    gate = Gate(Limits(rate=RARE))
    through: list[int] = []

    async def come(number: int) -> None:
        async with gate.enter(lambda: True):
            through.append(number)

    await come(0)
    waiting = [asyncio.create_task(come(number)) for number in range(1, 5)]
    await turn()
    waiting[1].cancel()
    await turn()
    turns = gate._turns
    assert turns is not None
    turns._give()
    await turn()
    assert through == [0]
    turns._next_start = loop.time() - 2 / RARE  # as if so much time had passed
    turns._waiting = type(turns._waiting)(
        one._replace(came=one.came - 4 / RARE) for one in turns._waiting
    )
    turns._give()
    await asyncio.gather(waiting[0], waiting[2], waiting[3])
    assert through == [0, 1, 3, 4]
    assert turns._next_start > loop.time()
