"""When a type of work is held back, and when it is let go."""

from collections.abc import Callable

import pytest
from pydantic import BaseModel

from workers import Context, Registry, Reject, Retry
from workers.around.brake import FIRST_PROBE, IN_A_ROW, LAST_RESORT, LONGEST_HOLD, WITHIN, Brakes
from workers.outcome import DeadLettered, Delivery, Outcome, Replied, Retried
from workers.recovery import NotNow
from workers.registry import Limits, Route
from workers.testing import Rehearsal


async def _nothing(_argument: object, _context: Context) -> None:
    return None


ROUTE = Route("task_request", "pay", _nothing, Limits())
OTHER = Route("task_request", "other", _nothing, Limits())


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def broken(clock: Clock, *, apart: float = 0.0) -> Brakes:
    """Return brakes after so many failures of ROUTE that they hold it."""
    brakes = Brakes(clock)
    for _ in range(IN_A_ROW):
        brakes.failed(ROUTE, Delivery(b""))
        clock.now += apart
    return brakes


def held(brakes: Brakes, delivery: Delivery, *, last_attempt: bool = False) -> float | None:
    """Return for how long a delivery is put off, or None where it goes through."""
    try:
        brakes.check(ROUTE, delivery, last_attempt=last_attempt)
    except NotNow as wait:
        return wait.after
    return None


def test_failures_in_a_row_hold_back_their_own_type_only() -> None:
    """Everything else flows on."""
    brakes = broken(Clock())
    assert held(brakes, Delivery(b"")) is not None
    assert brakes.engaged == (ROUTE,)
    brakes.check(OTHER, Delivery(b""), last_attempt=False)


def test_failures_with_a_success_between_them_hold_nothing_back() -> None:
    """Some messages fail all the time; that is no outage."""
    brakes = Brakes(Clock())
    for _ in range(IN_A_ROW * 3):
        brakes.failed(ROUTE, Delivery(b""))
        brakes.succeeded(ROUTE)
    assert not brakes.engaged
    assert not brakes.doubts


def test_failures_far_apart_hold_nothing_back() -> None:
    """Twenty bad messages in a day are twenty bad messages."""
    assert not broken(Clock(), apart=WITHIN / 10).engaged


def test_one_at_a_time_goes_through_as_a_probe_and_less_and_less_often() -> None:
    """The next probe waits for the last one's end, and longer after each that failed."""
    clock = Clock()
    brakes = broken(clock)
    first, second = Delivery(b"1"), Delivery(b"2")
    clock.now += FIRST_PROBE
    assert held(brakes, first) is None
    assert held(brakes, second) is not None
    brakes.failed(ROUTE, first)
    clock.now += FIRST_PROBE
    assert held(brakes, second) is not None
    clock.now += FIRST_PROBE
    assert held(brakes, second) is None


def test_a_probe_that_ends_in_neither_way_makes_room_for_the_next() -> None:
    """A probe that is rejected says nothing about the service."""
    clock = Clock()
    brakes = broken(clock)
    probe = Delivery(b"1")
    clock.now += FIRST_PROBE
    assert held(brakes, probe) is None
    brakes.ended(ROUTE, probe)
    clock.now += FIRST_PROBE
    assert held(brakes, Delivery(b"2")) is None


def test_the_first_success_lets_everything_through() -> None:
    """Nobody has to release the brake by hand."""
    brakes = broken(Clock())
    brakes.succeeded(ROUTE)
    assert held(brakes, Delivery(b"")) is None
    assert not brakes.engaged


def test_a_message_on_its_last_attempt_is_a_probe_only_when_nothing_else_was() -> None:
    """Attempts are not burnt, and what fails for ever still comes to its end."""
    clock = Clock()
    brakes = broken(clock)
    clock.now += LAST_RESORT - 1
    assert held(brakes, Delivery(b""), last_attempt=True) is not None
    clock.now += 1
    assert held(brakes, Delivery(b""), last_attempt=True) is None


@pytest.mark.parametrize(("seconds", "asked"), [(0, FIRST_PROBE), (40, 10), (9_999, LONGEST_HOLD)])
def test_the_longer_the_trouble_the_longer_the_wait(seconds: float, asked: float) -> None:
    """A backlog does not turn in a hot circle, and the end is noticed within a minute."""
    clock = Clock()
    brakes = broken(clock)
    clock.now += seconds
    held(brakes, Delivery(b"probe"))
    assert held(brakes, Delivery(b"")) == asked


class Nothing(BaseModel):
    """No parameters."""


class World:
    """A processor that does what the test says."""

    def __init__(self) -> None:
        self.raising: Callable[[], Exception | None] = lambda: None
        registry = Registry()

        @registry.task("pay", parameters=Nothing)
        async def pay(_nothing: Nothing, _context: Context) -> Nothing:
            error = self.raising()
            if error is not None:
                raise error
            return Nothing()

        self._rehearsal = Rehearsal(registry)

    async def fail(self, error: Exception) -> None:
        """Fail often enough to be held back."""
        self.raising = lambda: error
        for _ in range(IN_A_ROW):
            await self.pay()

    async def pay(self) -> Outcome:
        """Return what becomes of one more message."""
        return await self._rehearsal.task("pay")


async def test_what_is_held_back_counts_no_attempt() -> None:
    """It comes back as if it had never been taken."""
    world = World()
    await world.fail(ConnectionError())
    outcome = await world.pay()
    assert isinstance(outcome, Retried)
    assert outcome.held
    assert outcome.attempt == 0
    assert outcome.history == ()


@pytest.mark.parametrize("error", [Reject("no"), Retry("not yet", after=1)])
async def test_what_is_the_messages_own_trouble_holds_nothing_back(error: Exception) -> None:
    """A rejection, or a wait that was asked for, is no sign of an outage."""
    world = World()
    await world.fail(error)
    world.raising = lambda: None
    assert isinstance(await world.pay(), Replied)


async def test_a_rejection_is_no_failure_while_held() -> None:
    """Only what might pass by itself counts."""
    world = World()
    world.raising = lambda: Reject("no")
    assert isinstance(await world.pay(), DeadLettered)
