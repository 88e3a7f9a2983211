"""Checks that ask another service before dispatch."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from waiting import turn

from messages import ErrorCode, Payload, ProtocolModel
from workers import Context, RegistrationError, Registry
from workers.around.checks import MOST_KEPT
from workers.outcome import DeadLettered, Replied, Requeued, Retried
from workers.testing import Rehearsal

if TYPE_CHECKING:
    from workers.outcome import Outcome


class Owner(ProtocolModel):
    """Who owns it."""

    user_id: str | None = None


class Order(Payload, type="order"):
    """Names a user."""

    owner: Owner


class Parameters(ProtocolModel):
    """Of a task."""

    user_id: str


class Users:
    """A service that knows users, and can be slow, wrong or away."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.called: asyncio.Queue[str] = asyncio.Queue()
        self.answering = asyncio.Event()
        self.answering.set()
        self.trouble: Exception | None = None

    async def exists(self, user_id: str) -> bool:
        """Whether there is a user of this name."""
        self.asked.append(user_id)
        self.called.put_nowait(user_id)
        await self.answering.wait()
        if self.trouble is not None:
            raise self.trouble
        return not user_id.startswith("un")


def shop(users: Users, **options: Any) -> Rehearsal:
    """Return a worker that asks about users."""
    registry = Registry()
    registry.check(Order, "owner.user_id", refusal="no such user", **options)(users.exists)
    registry.check("ship", "user_id", **options)(users.exists)

    @registry.processor(Order)
    async def take(order: Order, context: Context) -> None:
        """Do nothing."""

    @registry.task("ship", parameters=Parameters)
    async def ship(parameters: Parameters, context: Context) -> None:
        """Do nothing."""

    return Rehearsal(Registry.of([registry]))


async def order(rehearsal: Rehearsal, user_id: str | None = "ann") -> Outcome:
    """Return what becomes of an order."""
    return await rehearsal.message(Order(owner=Owner(user_id=user_id)))


async def test_a_yes_lets_the_message_through() -> None:
    """Payloads and tasks alike; a field that is absent is not asked about."""
    users = Users()
    rehearsal = shop(users)
    assert isinstance(await order(rehearsal), Replied)
    assert isinstance(await rehearsal.task("ship", {"user_id": "bob"}), Replied)
    assert isinstance(await order(rehearsal, None), Replied)
    assert users.asked == ["ann", "bob"]


async def test_a_no_makes_the_message_invalid() -> None:
    """At the field it is about, in the author's words, without trying again."""
    rehearsal = shop(Users())
    outcome = await order(rehearsal, "unknown")
    assert isinstance(outcome, DeadLettered)
    assert outcome.failure.code is ErrorCode.INVALID_PAYLOAD
    assert not outcome.failure.retryable
    error = outcome.failure.errors[0]
    assert (error.pointer, error.error_type, error.message) == (
        "/payload/owner/user_id",
        "check_refused",
        "no such user",
    )
    task = await rehearsal.task("ship", {"user_id": "unknown"})
    assert isinstance(task, DeadLettered)
    assert task.failure.errors[0].field_path == "payload.request.parameters.user_id"


async def test_a_service_in_trouble_means_another_attempt() -> None:
    """And the next attempt asks anew."""
    users = Users()
    users.trouble = ConnectionError("secret://db")
    rehearsal = shop(users)
    outcome = await order(rehearsal)
    assert isinstance(outcome, Retried)
    assert "ConnectionError" in outcome.failure.reason
    assert "secret" not in outcome.failure.reason
    users.trouble = None
    assert isinstance(await order(rehearsal), Replied)
    assert len(users.asked) == 2


async def test_a_service_that_does_not_answer_means_another_attempt() -> None:
    """After the check's patience, whatever the processor's time limit."""
    users = Users()
    users.answering.clear()
    outcome = await order(shop(users, patience=0.01))
    assert isinstance(outcome, Retried)
    assert "TimeoutError" in outcome.failure.reason


async def test_many_messages_about_one_user_ask_once() -> None:
    """Also when they fail together; another user is asked about apart."""
    users = Users()
    users.answering.clear()
    rehearsal = shop(users)
    waiting = [asyncio.ensure_future(order(rehearsal)) for _ in range(50)]
    other = asyncio.ensure_future(order(rehearsal, "bob"))
    await users.called.get()
    await users.called.get()
    users.answering.set()
    outcomes = await asyncio.gather(*waiting, other)
    assert all(isinstance(outcome, Replied) for outcome in outcomes)
    assert sorted(users.asked) == ["ann", "bob"]


async def test_who_is_cancelled_does_not_take_the_answer_from_the_others() -> None:
    """The first one asks for all."""
    users = Users()
    users.answering.clear()
    rehearsal = shop(users)
    first = asyncio.ensure_future(order(rehearsal))
    await users.called.get()
    second = asyncio.ensure_future(order(rehearsal))
    await turn()  # now it waits for the first one's answer
    first.cancel()
    outcome = await first
    assert isinstance(outcome, Retried | Requeued)
    users.answering.set()
    assert isinstance(await second, Replied)
    assert users.asked == ["ann"]


async def test_an_answer_is_believed_for_a_bounded_time() -> None:
    """A no as well as a yes."""
    users = Users()
    kept, forgotten = shop(users, keep=60.0), shop(users, keep=0.0)
    for user_id in ("ann", "unknown"):
        await order(kept, user_id)
        await order(kept, user_id)
    assert users.asked == ["ann", "unknown"]
    await order(forgotten)
    await order(forgotten)
    assert users.asked == ["ann", "unknown", "ann", "ann"]


async def test_answers_are_kept_in_a_bounded_number() -> None:
    """The oldest goes first."""
    users = Users()
    rehearsal = shop(users)
    for number in range(MOST_KEPT + 1):
        await order(rehearsal, f"user-{number}")
    await order(rehearsal, f"user-{MOST_KEPT}")
    assert len(users.asked) == MOST_KEPT + 1
    await order(rehearsal, "user-0")
    assert len(users.asked) == MOST_KEPT + 2


def test_a_check_of_a_field_that_is_not_there_is_refused_where_it_is_written() -> None:
    """A misspelt one would never be asked."""
    with pytest.raises(RegistrationError, match="no field 'user'"):
        Registry().check(Order, "user")


def test_a_check_that_would_never_be_asked_is_refused() -> None:
    """A name misspelt must not let everything pass: the worker does not start with it."""
    registry = Registry()
    registry.task("ship", parameters=Parameters)(_ship)
    registry.check("shipp", "user_id")(_yes)
    with pytest.raises(RegistrationError, match="of 'shipp' would never be asked"):
        Registry.of([registry])


def test_a_check_of_a_field_that_is_not_there_is_refused() -> None:
    """Of a task's parameters as of a payload."""
    registry = Registry()
    registry.task("ship", parameters=Parameters)(_ship)
    registry.check("ship", "user")(_yes)
    with pytest.raises(RegistrationError, match="the field 'user', which Parameters has not"):
        Registry.of([registry])


async def _ship(_order: Parameters, _context: Context) -> None:
    """Do nothing."""


async def _yes(_value: object) -> bool:
    return True
