"""What a duplicate gets, and what becomes of a message while the inbox cannot help."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from pydantic import BaseModel
from waiting import eventually

from messages import Envelope, TaskRequest, TaskRequestPayload, encode
from workers import Context, RegistrationError, Registry, Reject
from workers.around.limits import TimeLimit
from workers.inbox.memory import MemoryInbox
from workers.inbox.once import Once
from workers.inbox.opening import guarantees, open_once
from workers.inbox.port import FORGET, Entry, InboxError, Kept, Verdict
from workers.outcome import DeadLettered, Delivery, Outcome, Properties, Replied, Requeued, Retried
from workers.settings import Settings
from workers.testing import Rehearsal, agent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence


class Number(BaseModel):
    """Parameters and result."""

    number: int = 0


class Effects:
    """A processor that counts its effects, and may be told to do something first."""

    def __init__(self) -> None:
        self.effects = 0
        self.first: Callable[[], Awaitable[object]] | None = None
        self.registry = Registry()

        @self.registry.task("count", parameters=Number)
        async def counted(number: Number, context: Context) -> Number:
            with pytest.raises(RuntimeError, match="transaction=True"):
                _ = context.transaction
            if self.first is not None:
                await self.first()
            self.effects += 1
            return Number(number=number.number + self.effects)


def message(number: int = 0, **envelope: Any) -> Delivery:
    """Return a message with an id of its own."""
    task = TaskRequest(task_type="count", parameters={"number": number})
    given = {"reply_to": "agent://rehearsal/answers"} | envelope
    whole = Envelope(
        message_type="task_request",
        payload=TaskRequestPayload(request=task, execution_context={}),
        source_agent=agent(),
        **given,
    )
    return Delivery(encode(whole), Properties())


class SlowInbox(MemoryInbox):
    """Cannot be reached."""

    async def claim(self, entry: Entry) -> Verdict:
        """Fail."""
        raise InboxError("no route to host")


class FullInbox(MemoryInbox):
    """Takes claims, and then has no room."""

    async def keep(self, entry: Entry, kept: Kept) -> bool:
        """Fail."""
        raise InboxError("disk full")


def body(outcome: Outcome) -> bytes:
    """Return the answer's bytes."""
    assert isinstance(outcome, Replied)
    assert outcome.answer is not None
    return outcome.answer.body


async def test_a_duplicate_gets_the_same_answer_and_has_no_effect() -> None:
    """Byte for byte, sent to whoever asks this time."""
    world = Effects()
    rehearsal = Rehearsal(world.registry, inbox=MemoryInbox())
    delivery = message()
    first = await rehearsal.delivery(delivery)
    again = await rehearsal.delivery(delivery._replace(redelivered=True))
    assert body(again) == body(first)
    assert world.effects == 1
    assert body(await rehearsal.delivery(message())) != body(first)
    assert world.effects == 2


async def test_without_an_inbox_a_duplicate_takes_effect_again() -> None:
    """That is what at-least-once means."""
    world = Effects()
    rehearsal = Rehearsal(world.registry)
    delivery = message()
    await rehearsal.delivery(delivery)
    await rehearsal.delivery(delivery)
    assert world.effects == 2


async def test_the_same_id_with_another_body_is_refused() -> None:
    """The sender learns which field is wrong; nothing takes effect."""
    world = Effects()
    rehearsal = Rehearsal(world.registry, inbox=MemoryInbox())
    delivery = message(1)
    envelope_id = orjson.loads(delivery.body)["envelope_id"]
    await rehearsal.delivery(delivery)
    outcome = await rehearsal.delivery(message(2, envelope_id=envelope_id))
    assert isinstance(outcome, DeadLettered)
    assert outcome.failure.code == "invalid_envelope"
    assert [error.error_type for error in outcome.failure.errors] == ["id_reused"]
    assert world.effects == 1


async def test_another_sender_may_use_the_same_id() -> None:
    """Nobody can take away somebody else's ids."""
    world = Effects()
    rehearsal = Rehearsal(world.registry, inbox=MemoryInbox())
    delivery = message()
    await rehearsal.delivery(delivery)
    await rehearsal.delivery(delivery._replace(properties=Properties(user_id="somebody")))
    assert world.effects == 2


async def test_a_duplicate_of_what_is_being_done_waits_at_the_broker() -> None:
    """It is not done twice, holds no place here, and counts no attempt."""
    world = Effects()
    rehearsal = Rehearsal(world.registry, inbox=MemoryInbox())
    delivery = message()
    going, goes_on = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        going.set()
        await goes_on.wait()

    world.first = first
    running = asyncio.create_task(rehearsal.delivery(delivery))
    await going.wait()
    outcome = await rehearsal.delivery(delivery)
    assert isinstance(outcome, Retried)
    assert (outcome.held, outcome.attempt) == (True, 0)
    goes_on.set()
    assert isinstance(await running, Replied)
    assert isinstance(await rehearsal.delivery(delivery), Replied)
    assert world.effects == 1


@pytest.mark.parametrize("error", [Reject("no"), ConnectionError()])
async def test_what_failed_leaves_no_mark(error: Exception) -> None:
    """The next attempt, and an operator's replay, are done as if nothing had been."""
    world = Effects()
    inbox = MemoryInbox()
    rehearsal = Rehearsal(world.registry, inbox=inbox)
    delivery = message()

    async def first() -> None:
        world.first = None
        raise error

    world.first = first
    assert not isinstance(await rehearsal.delivery(delivery), Replied)
    assert not inbox.rows
    assert isinstance(await rehearsal.delivery(delivery), Replied)


async def test_no_effect_without_a_claim() -> None:
    """While the inbox cannot be reached, messages wait and no attempt is counted."""
    world = Effects()
    outcome = await Rehearsal(world.registry, inbox=SlowInbox()).delivery(message())
    assert isinstance(outcome, Retried)
    assert outcome.held
    assert world.effects == 0


async def test_an_answer_that_cannot_be_kept_is_given_all_the_same() -> None:
    """The work is done; doing it again would be the worse end."""
    world = Effects()
    outcome = await Rehearsal(world.registry, inbox=FullInbox()).delivery(message())
    assert isinstance(outcome, Replied)


async def test_claims_are_renewed_while_the_work_lasts_and_old_answers_forgotten() -> None:
    """Both begin with the worker and end with it."""
    told = asyncio.Event()

    class Telling(MemoryInbox):
        async def renew(self, entries: Sequence[Entry]) -> None:
            assert entries

        async def prune(self, older_than: float) -> int:
            assert older_than == 60
            told.set()
            return 0

    once = Once(Telling(), retention=60)
    once._held.add(Entry(b"key", b"digest", "token"))
    once.begin()
    async with asyncio.timeout(5):
        await told.wait()
    await once.close()


class Upkeep(MemoryInbox):
    """Counts what is asked of it, and does as it is told."""

    def __init__(self, renew: Callable[[], Any], prune: Callable[[], Any]) -> None:
        super().__init__()
        self.renewals = self.prunings = 0
        self._renew = renew
        self._prune = prune

    async def renew(self, entries: Sequence[Entry]) -> None:
        """Make claims last."""
        assert entries
        self.renewals += 1
        await self._renew()

    async def prune(self, _older_than: float) -> int:
        """Forget."""
        self.prunings += 1
        return int(await self._prune())


@asynccontextmanager
async def kept_up(
    inbox: Upkeep, monkeypatch: pytest.MonkeyPatch, within: float = 60.0
) -> AsyncIterator[None]:
    """Keep an inbox in order while a claim is held, in rounds without a pause."""
    monkeypatch.setattr("workers.inbox.once.RENEW_EVERY", 0.0)
    monkeypatch.setattr("workers.inbox.once.PRUNE_EVERY", 0.0)
    monkeypatch.setattr("workers.inbox.once.WITHIN", within)
    once = Once(inbox, retention=60)
    once._held.add(Entry(b"key", b"digest", "token"))
    once.begin()
    yield
    await once.close()


async def done() -> int:
    """Find nothing to forget."""
    return 0


async def full() -> int:
    """Find as much to forget as goes into one commit."""
    await asyncio.sleep(0)
    return FORGET


async def never() -> int:
    """Say nothing, as a store behind a line that was cut."""
    return await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("prune", [full, never])
async def test_no_claim_runs_out_while_old_answers_are_forgotten(
    prune: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much there is to forget, and however long it takes."""
    inbox = Upkeep(done, prune)
    async with kept_up(inbox, monkeypatch):
        await eventually(lambda: inbox.renewals > 3 and inbox.prunings)


async def test_what_does_not_go_into_one_commit_is_forgotten_in_the_next_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is no wait between them, so that a busy inbox does not grow for ever."""
    left = iter((FORGET, FORGET, 7))

    async def some() -> int:
        return next(left, 0)

    inbox = Upkeep(done, some)
    monkeypatch.setattr("workers.inbox.once.PRUNE_EVERY", 3600.0)
    once = Once(inbox, retention=60)
    once.begin()
    await eventually(lambda: inbox.prunings == 3)
    await once.close()


async def test_upkeep_that_takes_too_long_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer once must not be without renewals from then on."""
    inbox = Upkeep(never, never)
    async with kept_up(inbox, monkeypatch, within=0.001):
        await eventually(lambda: inbox.renewals > 1 and inbox.prunings > 1)


async def test_upkeep_that_broke_keeps_no_worker_from_leaving(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told when it happens, and whatever was raised is not raised again at the end."""

    async def broken() -> int:
        raise RuntimeError

    inbox = Upkeep(broken, broken)
    async with kept_up(inbox, monkeypatch):
        await eventually(lambda: caplog.text.count("not kept in order any more") == 2)


async def test_a_transaction_without_postgresql_refuses_to_start() -> None:
    """An author who relies on it must not find out by a double effect."""
    registry = Registry()

    @registry.task("pay", parameters=Number, transaction=True)
    async def pay(number: Number, _context: Context) -> Number:
        return number

    with pytest.raises(RegistrationError, match=r"pay .*LEVERET_INBOX=postgresql"):
        await open_once(Settings(), registry, lambda _: None)
    (line,) = guarantees(registry, kept=True)
    assert line.startswith("guarantee of pay: transactional")
    (line,) = guarantees(registry, kept=False)
    assert line.startswith("guarantee of pay: at-least-once: every message is done")


async def test_an_inbox_in_a_directory_that_is_not_there_is_told() -> None:
    """Before the first message is taken."""
    with pytest.raises(InboxError, match="there is no directory"):
        await open_once(Settings(inbox="sqlite:////nowhere/at/all.db"), Registry(), lambda _: None)


async def test_leaving_lets_go_of_the_claim() -> None:
    """Whoever gets the message next need not wait for a lease to run out."""
    world = Effects()
    inbox = MemoryInbox()
    rehearsal = Rehearsal(world.registry, inbox=inbox)
    going = asyncio.Event()

    async def first() -> None:
        going.set()
        await asyncio.Event().wait()

    world.first = first
    limit = TimeLimit(asyncio.get_running_loop())
    task = asyncio.create_task(rehearsal._pipeline.handle(message(), limit))
    await going.wait()
    limit.leave()
    task.cancel()
    assert isinstance(await task, Requeued)
    assert not inbox.rows
