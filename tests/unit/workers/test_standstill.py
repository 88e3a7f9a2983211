"""A message that holds its worker up until the connection is lost is singled out, alone."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import BaseModel

from messages import Envelope, TaskRequest, TaskRequestPayload, encode
from workers import Context, Registry, headers
from workers.around.limits import TimeLimit
from workers.crashes.standstill import CAREFUL_FOR, Standstill
from workers.crashes.suspects import SHARED, CrashGuard
from workers.outcome import DeadLettered, Delivery, Outcome, Properties, Replied, Retried
from workers.pipeline import Pipeline
from workers.testing import USER, Rehearsal, agent

HEARTBEAT = 15.0


class Clock:
    """Stands where it is put."""

    now = 1_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Hold(BaseModel):
    """For how many seconds nobody else gets a turn, and whether the loop turns afterwards."""

    seconds: float = 0.0
    turns: bool = False


class Scene:
    """A worker whose loop stands still as its messages say."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.standstill = Standstill(HEARTBEAT, self.clock)
        self.guard = CrashGuard(standstill=self.standstill)
        self.at_once = self.most = 0
        registry = Registry()

        @registry.task("hold", parameters=Hold)
        async def hold(parameters: Hold, _context: Context) -> None:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            self.clock.now += parameters.seconds
            if parameters.turns:
                self.standstill.turned()
            await asyncio.sleep(0)
            self.at_once -= 1

        self.pipeline = Pipeline(registry, Rehearsal(registry).policy, guard=self.guard)

    async def handled(self, delivery: Delivery) -> Outcome:
        """Return what becomes of a delivery."""
        limit = TimeLimit(asyncio.get_running_loop())
        return await self.pipeline.handle(delivery, limit)


def message(seconds: float = 0.0, *, turns: bool = False, **told: object) -> Delivery:
    """Return a message that holds up its worker for so long."""
    parameters = {"seconds": seconds, "turns": turns}
    task = TaskRequest(task_type="hold", parameters=parameters)
    payload = TaskRequestPayload(request=task, execution_context={})
    envelope = Envelope(message_type="task_request", payload=payload, source_agent=agent())
    return Delivery(encode(envelope), queue="work")._replace(**told)  # type: ignore[arg-type] # each test gives what fits


def back(delivery: Delivery, **carried: object) -> Delivery:
    """Return it as it comes after its connection was lost."""
    properties = Properties(headers=dict(carried), user_id=USER)
    return delivery._replace(redelivered=True, properties=properties, tag=delivery.tag + 1)


def copied(delivery: Delivery, outcome: Outcome) -> Delivery:
    """Return the copy that an outcome makes of it, as it comes first."""
    assert isinstance(outcome, Retried)
    assert (outcome.delay, outcome.held, outcome.attempt) == (None, True, 0)
    carried = {headers.STARTS: outcome.starts, headers.FIRST_SEEN: "x"}
    properties = Properties(headers=carried, user_id=USER)
    return delivery._replace(redelivered=False, properties=properties, tag=delivery.tag + 1)


@pytest.mark.parametrize("turns", [False, True])
async def test_three_standstills_convict_and_the_last_two_alone(*, turns: bool) -> None:
    """Once in company, which makes the worker careful; then twice with nobody else beside it."""
    scene = Scene()
    culprit = message(2 * HEARTBEAT, turns=turns)
    assert isinstance(await scene.handled(culprit), Replied)  # to nobody: its line is gone
    scene.standstill.turned()
    again = back(culprit)
    assert isinstance(await scene.handled(again), Replied)
    once_more = copied(again, await scene.handled(back(again)))
    assert isinstance(await scene.handled(once_more), Replied)
    proven = {headers.STARTS: 1, headers.FIRST_SEEN: "x"}
    end = await scene.handled(back(once_more, **proven))
    assert isinstance(end, DeadLettered)
    assert end.failure.code == "crash_loop"
    assert "stood still" in end.failure.reason
    assert "3 times" in end.failure.reason


async def test_whoever_shared_its_prefetch_is_done_alone_and_accused_of_nothing() -> None:
    """However often that happened; and none of them waits for its own death."""
    scene = Scene()
    await scene.handled(message(2 * HEARTBEAT))
    scene.standstill.turned()
    innocent = [message(0.5, tag=tag) for tag in range(5)]
    for _ in range(4):
        ends = await asyncio.gather(*map(scene.handled, map(back, innocent)))
        assert all(isinstance(end, Replied) for end in ends)
    assert scene.most == 1


async def test_a_standstill_before_it_began_is_not_its_own() -> None:
    """The loop may not have turned since another one held it up."""
    scene = Scene()
    await scene.handled(message(2 * HEARTBEAT))
    scene.standstill.turned()
    innocent = back(message())
    scene.clock.now += 2 * HEARTBEAT
    for _ in range(3):
        assert isinstance(await scene.handled(innocent), Replied)


async def test_what_comes_again_runs_beside_others_where_nothing_stood_still() -> None:
    """A broker that was restarted is no reason to be slow, nor is a standstill long ago."""
    scene = Scene()
    await scene.handled(message(2 * HEARTBEAT))
    scene.standstill.turned()
    scene.clock.now += CAREFUL_FOR
    scene.standstill.begin()
    deliveries = [back(message(tag=tag)) for tag in range(5)]
    await asyncio.gather(*map(scene.handled, deliveries))
    assert scene.most == 5


async def test_who_came_again_too_often_through_others_is_sent_anew() -> None:
    """The broker would dead-letter it at twice as many; a sender's own word counts for nothing."""
    scene = Scene()
    often = {headers.DELIVERED: SHARED}
    assert isinstance(await scene.handled(back(message(), **often)), Replied)
    await scene.handled(message(2 * HEARTBEAT))
    scene.standstill.turned()
    outcome = await scene.handled(back(message(), **often))
    assert isinstance(outcome, Retried)
    assert (outcome.delay, outcome.held, outcome.attempt, outcome.starts) == (None, True, 0, 0)
    forged = Properties(headers={headers.DELIVERED: 19})
    assert isinstance(await scene.handled(message(properties=forged)), Replied)
