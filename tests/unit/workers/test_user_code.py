"""Whatever a user's code raises is an end of its own message, and of no other."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, NoReturn

import orjson
import pytest
from pydantic import AfterValidator, BaseModel
from waiting import eventually

from messages import Envelope, Payload, TaskRequest, TaskRequestPayload, encode, reference
from workers import Context, Registry
from workers.outcome import (
    Batched,
    DeadLettered,
    Delivery,
    Outcome,
    Properties,
    Replied,
    Requeued,
    Retried,
)
from workers.runners import Runners
from workers.testing import MAILBOX, Rehearsal, agent, read

if TYPE_CHECKING:
    from workers.around.limits import TimeLimit


class Panic(BaseException):
    """What a library in Rust raises: no Exception."""


#: What user code may raise, and ends its task or its process where nobody catches it.
RAISED = (
    Panic("secret"),
    SystemExit(0),
    KeyboardInterrupt(),
    GeneratorExit(),
    asyncio.CancelledError(),
    RecursionError(),
)


def kind(error: object) -> str:
    """Name a case."""
    return type(error).__name__


class Number(BaseModel):
    """Parameters."""

    value: int = 0


def raising(error: BaseException) -> Registry:
    """Return a registry that does: in a processor, in one of lists, and in a check."""
    registry = Registry()

    @registry.task("raise", parameters=Number)
    async def do(_number: Number, _context: Context) -> None:
        raise error

    class Many(Payload, type="many"):
        """Comes in lists."""

    @registry.processor(Many, batch=2)
    async def do_many(_many: list[Many], _context: Context) -> None:
        raise error

    @registry.task("asked", parameters=Number)
    async def asked(number: Number, _context: Context) -> Number:
        return number

    @registry.check("asked", "value")
    async def is_known(_value: int) -> bool:
        raise error

    return registry


@pytest.mark.parametrize("error", RAISED, ids=kind)
@pytest.mark.parametrize("what", ["raise", "asked"])
async def test_what_is_no_exception_fails_its_message(error: BaseException, what: str) -> None:
    """It is tried again, with the class of what was raised as the reason."""
    outcome = await Rehearsal(raising(error)).task(what, {"value": 1})
    assert isinstance(outcome, Retried)
    assert type(error).__name__ in outcome.failure.reason
    assert "secret" not in outcome.failure.reason


@pytest.mark.parametrize("error", RAISED, ids=kind)
async def test_what_is_no_exception_fails_a_list_of_messages(error: BaseException) -> None:
    """Each of them, and each comes back alone."""
    body = b'{"message_type":"many","payload":{"message_type":"many"},"source_agent":%b}'
    source = agent().model_dump_json().encode()
    outcome = await Rehearsal(raising(error)).bytes(body % source)
    assert isinstance(outcome, Retried)
    assert type(error).__name__ in outcome.failure.reason


@pytest.mark.parametrize("error", RAISED, ids=kind)
async def test_a_call_of_a_batch_that_raises_what_is_no_exception_harms_no_other(
    error: BaseException,
) -> None:
    """The other call is done, and the batch is not given back."""
    registry = raising(error)

    @registry.task("fine", parameters=Number)
    async def fine(number: Number, _context: Context) -> Number:
        return number

    outcome = await Rehearsal(registry).bytes(calls("fine", "raise"), RPC)
    assert isinstance(outcome, Batched)
    (done,) = outcome.ends
    assert isinstance(done.outcome, Replied)
    assert outcome.rest is not None
    assert isinstance(outcome.rest.outcome, Retried)


RPC = Properties(content_type="application/json-rpc", reply_to="asker", correlation_id="c")


def calls(*task_types: str) -> bytes:
    """Return a batch of JSON-RPC calls, one for each task type."""
    return json.dumps(
        [
            {
                "jsonrpc": "2.0",
                "method": "task_request",
                "id": number,
                "params": {
                    "request": {"task_type": task_type, "parameters": {}},
                    "execution_context": {},
                },
            }
            for number, task_type in enumerate(task_types)
        ]
    ).encode()


def cancelling() -> Registry:
    """Return a registry whose processor cancels the task it runs in, and does not wait for it."""
    registry = Registry()

    @registry.task("cancel", parameters=Number)
    async def cancel(number: Number, _context: Context) -> Number:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return number

    @registry.task("cancel-and-wait", parameters=Number)
    async def cancel_and_wait(number: Number, context: Context) -> None:
        await cancel(number, context)
        await asyncio.sleep(0)

    @registry.task("patient", parameters=Number)
    async def patient(number: Number, _context: Context) -> Number:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
        return number

    return registry


async def test_a_call_that_cancels_its_own_task_harms_no_other_of_its_batch() -> None:
    """Those behind it wait, and time out, as if nothing had been."""
    body = calls("cancel", "cancel-and-wait", *["cancel"] * 64, "patient")
    outcome = await Rehearsal(cancelling()).bytes(body, RPC)
    assert isinstance(outcome, Batched)
    assert [type(end.outcome) for end in outcome.ends] == [Replied] * 65
    assert outcome.rest is not None
    assert isinstance(outcome.rest.outcome, Retried)
    # Of two that wait, the first is told: one was cancelled, the other ran out of its own time.
    assert "CancelledError" in outcome.rest.outcome.failure.reason
    alone = await Rehearsal(cancelling()).bytes(calls("cancel", "patient"), RPC)
    assert alone.rest.outcome.failure.exception == "TimeoutError"  # type: ignore[union-attr]


# -- reading --


def refuse(_value: int) -> NoReturn:
    """Raise what no validator should."""
    raise KeyError("secret")


def leave(_value: int) -> NoReturn:
    """Leave, from the middle of a validator."""
    sys.exit()


class Odd(Payload, type="odd"):
    """Its validator raises neither ValueError nor AssertionError."""

    value: Annotated[int, AfterValidator(refuse)]


class Owned(BaseModel):
    """Parameters that name somebody."""

    owner: Annotated[str, reference("owner")]


class Left(BaseModel):
    """Parameters whose validator leaves."""

    value: Annotated[int, AfterValidator(leave)]


def unreadable() -> Registry:
    """Return a registry whose messages cannot be read."""
    registry = Registry()

    @registry.processor(Odd)
    async def odd(_odd: Odd, _context: Context) -> None: ...

    @registry.task("owned", parameters=Owned)
    async def owned(_owned: Owned, _context: Context) -> None: ...

    @registry.task("left", parameters=Left)
    async def left(_left: Left, _context: Context) -> None: ...

    def is_there(_name: str) -> bool:
        raise ConnectionError("secret")

    registry.know("owner", is_there)
    return registry


def odd(**properties: object) -> Delivery:
    """Return a message whose validator raises."""
    document = {
        "message_type": "odd",
        "payload": {"message_type": "odd", "value": 1},
        "reply_to": MAILBOX,
        "source_agent": agent().model_dump(mode="json"),
    }
    return Delivery(orjson.dumps(document), Properties(**properties))  # type: ignore[arg-type] # each test gives what fits


async def test_a_validator_that_raises_something_else_fails_its_message() -> None:
    """As a processor would: tried again, then dead-lettered and answered with the class."""
    outcome = await Rehearsal(unreadable()).delivery(odd())
    assert isinstance(outcome, Retried)
    assert outcome.failure.exception == "KeyError"
    assert "refuse" in outcome.failure.reason
    assert outcome.subject.message_type == "odd"
    last = await Rehearsal(unreadable(), retry_delays=("1s",)).delivery(again(odd()))
    assert isinstance(last, DeadLettered)
    assert read(last.answer)["payload"]["error_code"] == "processing_failed"
    assert b"secret" not in last.answer.body  # type: ignore[union-attr]


def again(delivery: Delivery) -> Delivery:
    """Return the copy that was made of a delivery after its first attempt."""
    carried = {"leveret-attempts": 1, "leveret-first-seen": "2026-01-01T00:00:00+00:00"}
    properties = delivery.properties._replace(headers=carried, user_id="rehearsal")
    return delivery._replace(properties=properties)


@pytest.mark.parametrize(
    ("task_type", "parameters", "exception"),
    [("owned", {"owner": "ada"}, "ConnectionError"), ("left", {"value": 1}, "SystemExit")],
)
async def test_what_a_validator_asks_may_fail(
    task_type: str, parameters: dict[str, object], exception: str
) -> None:
    """The message is no worse for it."""
    outcome = await Rehearsal(unreadable()).task(task_type, parameters)
    assert isinstance(outcome, Retried)
    assert outcome.failure.exception == exception
    assert outcome.subject.task_type == task_type


def test_a_replay_of_what_cannot_be_read_is_foreseen() -> None:
    """The workbench says so, too."""
    failure = Rehearsal(unreadable())._pipeline.foresee(odd())
    assert failure is not None
    assert failure.exception == "KeyError"


# -- our own mistakes --


class Desk:
    """Handles deliveries as it is told, and keeps what becomes of them."""

    def __init__(self, *errors: BaseException | None) -> None:
        self._errors = list(errors)
        self.ends: list[Outcome] = []
        self.runners = Runners(self._handle, self._settle, most=1)

    async def _handle(self, delivery: Delivery, _limit: TimeLimit) -> Outcome:
        if delivery.body == b"wait":
            await asyncio.Event().wait()
        error = self._errors.pop(0)
        if error is not None:
            raise error
        return Replied(subject=Rehearsal(Registry())._pipeline._begin(delivery).subject)

    def _settle(self, delivery: Delivery, outcome: Outcome, _seconds: float) -> None:
        if isinstance(outcome, DeadLettered) and delivery.body == b"unwritable":
            raise ValueError("no letter")
        self.ends.append(outcome)


@pytest.mark.parametrize("error", RAISED, ids=kind)
async def test_no_mistake_ends_a_runner(error: BaseException) -> None:
    """Given back at first, dead-lettered when it comes again, and the next message is done."""
    desk = Desk(error, error, None)
    desk.runners.take(Delivery(b""))
    desk.runners.take(Delivery(b"", redelivered=True))
    desk.runners.take(Delivery(b""))
    await eventually(lambda: len(desk.ends) == 3)
    assert [type(end) for end in desk.ends] == [Requeued, DeadLettered, Replied]
    letter = desk.ends[1]
    assert isinstance(letter, DeadLettered)
    assert letter.failure.exception == type(error).__name__
    await desk.runners.stop()


async def test_what_no_letter_can_be_written_of_is_given_back() -> None:
    """Then it is the broker's to end it."""
    desk = Desk(KeyError())
    desk.runners.take(Delivery(b"unwritable", redelivered=True))
    await eventually(lambda: desk.ends)
    assert isinstance(desk.ends[0], Requeued)
    await desk.runners.stop()


async def test_what_waits_when_the_worker_leaves_is_given_back() -> None:
    """Wherever it waits."""
    desk = Desk()
    desk.runners.take(Delivery(b"wait"))
    await eventually(lambda: desk.runners.busy)
    await desk.runners.stop()
    (end,) = desk.ends
    assert isinstance(end, Requeued)
    assert end.reason == "the worker is leaving"


async def test_a_processor_that_does_not_end_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """An operator reads which one it was, and what to do about it."""
    registry, free = Registry(), asyncio.Event()

    @registry.task("stubborn", parameters=Number)
    async def stubborn(_number: Number, _context: Context) -> None:
        while not free.is_set():
            with suppress(asyncio.CancelledError):
                await free.wait()

    pipeline = Rehearsal(registry)._pipeline
    ends: list[Outcome] = []
    runners = Runners(pipeline.handle, lambda _delivery, end, _seconds: ends.append(end), most=1)
    payload = TaskRequestPayload(
        request=TaskRequest(task_type="stubborn", parameters={}), execution_context={}
    )
    envelope = Envelope(message_type="task_request", payload=payload, source_agent=agent())
    runners.take(Delivery(encode(envelope)))
    await eventually(lambda: runners.busy)
    try:
        await runners.stop(patience=0.01)
        assert "the processor of stubborn does not end" in caplog.text
    finally:
        free.set()
        await eventually(lambda: not runners.busy)
