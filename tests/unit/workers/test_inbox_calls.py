"""JSON-RPC before the inbox: what a call without an envelope is known by."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from calling import Words, calling

from topology import Names
from workers import Context, Registry, Reject, headers
from workers.inbox.memory import MemoryInbox
from workers.inbox.once import Once
from workers.inbox.port import Entry, Transaction
from workers.outcome import Batched, DeadLettered, Delivery, Properties, Replied
from workers.settling.copies import Origin, dead_letter
from workers.testing import USER, Rehearsal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RPC = Properties(content_type="application/json-rpc", reply_to="asker")
MARKED = RPC._replace(message_id="m-1")
ORIGIN = Origin(Names(), "default", "worker-1", USER)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """A worker with an inbox, what it did, and what the inbox counted."""

    def __init__(self, registry: Registry | None = None, inbox: MemoryInbox | None = None) -> None:
        self.seen: list[str] = []
        self.counted: list[str] = []
        self.rehearsal = Rehearsal(registry or calling(self.seen))
        self.inbox = inbox or MemoryInbox()
        once = Once(self.inbox, retention=60, counted=self.counted.append)
        self.rehearsal._pipeline.attempts.once = once

    async def told(self, body: object, properties: Properties = MARKED) -> Any:
        """Return what becomes of a body."""
        return await self.rehearsal.bytes(json.dumps(body).encode(), properties)


def notified(text: str = "", **more: Any) -> dict[str, Any]:
    """Return a notification of a task."""
    document = {"jsonrpc": "2.0", "method": "task_request.echo", "params": {"text": text}}
    return document | more


def copy_of(delivery: Delivery, **told: object) -> Delivery:
    """Return the copy of ours that a delivery comes back as."""
    known = {} if (name := delivery.properties.message_id) is None else {headers.MESSAGE_ID: name}
    ours = delivery.properties._replace(
        user_id=USER,
        message_id="written-by-the-worker-7",
        headers={**delivery.properties.headers, headers.FIRST_SEEN: "2026-01-01", **known, **told},
    )
    return delivery._replace(properties=ours)


@pytest.mark.parametrize("message_id", [None, ""])
@pytest.mark.parametrize("more", [{}, {"id": 1}, {"id": None}])
async def test_a_call_that_nothing_names_is_unidentified(
    message_id: str | None, more: dict[str, Any]
) -> None:
    """An id that the worker made up for it is not counted as one of its sender's."""
    world = World()
    unmarked = RPC._replace(message_id=message_id)
    for _ in range(2):
        assert isinstance(await world.told(notified("a", **more), unmarked), Replied)
    assert world.counted == ["unidentified"] * 2
    assert world.seen == ["echo a"] * 2
    assert not world.inbox.rows


async def test_a_copy_of_a_call_that_nothing_names_is_not_known_by_the_copys_own_id() -> None:
    """A worker gives every copy an id, and none of them is the sender's."""
    world = World()
    first = Delivery(json.dumps(notified("a")).encode(), RPC)
    await world.rehearsal.delivery(copy_of(first))
    assert world.counted == ["unidentified"]


class TransactionalMemory(MemoryInbox):
    """Lends no transaction, as none may be asked for here."""

    @asynccontextmanager
    async def transaction(self, entry: Entry) -> AsyncIterator[Transaction]:
        """Fail."""
        raise AssertionError(entry)
        yield


async def test_a_transactional_processor_refuses_a_call_that_nothing_names() -> None:
    """It could not keep its promise for it."""
    registry = Registry()

    @registry.task("pay", parameters=Words, transaction=True)
    async def pay(_words: Words, _context: Context) -> Words:
        raise AssertionError("it must not be called")

    world = World(registry, TransactionalMemory())
    outcome = await world.told(notified(method="task_request.pay", id=1), RPC)
    assert isinstance(outcome, DeadLettered)
    assert outcome.failure.code == "invalid_envelope"


async def test_a_call_with_a_uuid_needs_no_message_id() -> None:
    """That is its envelope id, and its sender chose it."""
    world = World()
    named = notified("a", id="0dc02486-d50d-4925-a32f-9f594eb69b4c")
    for _ in range(2):
        assert isinstance(await world.told(named, RPC), Replied)
    assert world.counted == ["new", "duplicate"]
    assert world.seen == ["echo a"]


async def test_a_batch_that_nothing_names_is_unidentified_call_by_call() -> None:
    """Each is done, whatever the others say."""
    world = World()
    outcome = await world.told([notified("a"), notified("b", id=1)], RPC)
    assert isinstance(outcome, Batched)
    assert world.counted == ["unidentified"] * 2
    assert world.seen == ["echo a", "echo b"]


DIFFERENT = {
    "params": [notified("a"), notified("b")],
    "a fact": [notified("a"), notified("a", leveret={"target_agent": "somebody"})],
    "the order of members": [notified("a"), dict(reversed(notified("a").items()))],
    "an id that is null": [notified("a"), notified("a", id=None)],
    "params, with ids that are null": [notified("a", id=None), notified("b", id=None)],
}


@pytest.mark.parametrize("case", DIFFERENT)
async def test_calls_of_a_batch_that_differ_are_each_done_once(case: str) -> None:
    """Whatever it is that tells them apart, also when the batch comes again."""
    world = World()
    for counted in ("new", "duplicate"):
        outcome = await world.told(DIFFERENT[case])
        assert [type(end.outcome) for end in outcome.ends] == [Replied, Replied]
        assert world.counted == [counted] * 2
        world.counted.clear()
        assert len(world.seen) == 2


async def test_calls_of_a_batch_that_are_the_same_are_each_done() -> None:
    """None is taken for another's duplicate, and nobody is told that they are known."""
    world = World()
    twins = [notified("a"), notified("b"), notified("a")]
    await world.told(twins)
    assert world.seen == ["echo a", "echo b", "echo a"]
    assert world.counted == ["unidentified", "new", "unidentified"]
    await world.told(twins)
    assert world.counted[3:] == ["unidentified", "duplicate", "unidentified"]


async def test_what_is_left_of_twins_in_a_copy_is_done() -> None:
    """That the other one is done and gone is not held against it."""
    tries = iter((True, False, True))
    registry = Registry()

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Words:
        if not next(tries):
            raise ConnectionError
        return words

    world = World(registry)
    first = await world.told([notified("a"), notified("a")])
    assert [type(end.outcome) for end in first.ends] == [Replied]
    second = await world.rehearsal.delivery(copy_of(first.rest.delivery))
    assert [type(end.outcome) for end in second.ends] == [Replied]
    assert next(tries, None) is None


@pytest.mark.parametrize("again", [False, True])
async def test_the_letters_of_twins_can_each_be_replayed(*, again: bool) -> None:
    """Each is sent back alone, and takes effect, from a batch and from its copy."""
    refusing = True
    effects = 0
    registry = Registry()

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Words:
        nonlocal effects
        if refusing:
            raise Reject("not today")
        effects += 1
        return words

    world = World(registry)
    batch = Delivery(json.dumps([notified("a"), notified("a")]).encode(), MARKED)
    outcome = await world.rehearsal.delivery(copy_of(batch) if again else batch)
    assert isinstance(outcome, Batched)
    refusing = False
    for part, end in outcome.ends:
        assert isinstance(end, DeadLettered)
        letter = dead_letter(part, end, ORIGIN, NOW)
        properties = Properties(user_id=USER, headers=letter.headers, message_id="a-copy's-own")
        await world.rehearsal.bytes(letter.body, properties)
    assert effects == 2


async def test_a_notification_alone_is_known_by_its_message_id() -> None:
    """It is done once, however often it is delivered."""
    world = World()
    for _ in range(2):
        assert isinstance(await world.told(notified("a")), Replied)
    assert world.counted == ["new", "duplicate"]
    assert world.seen == ["echo a"]
