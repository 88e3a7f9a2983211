"""JSON-RPC before the inbox: what a call without an envelope is known by."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from calling import Words, calling

from workers import Context, Registry, headers
from workers.inbox.memory import MemoryInbox
from workers.inbox.once import Once
from workers.inbox.port import Entry, Transaction
from workers.outcome import Batched, DeadLettered, Delivery, Properties, Replied
from workers.testing import USER, Rehearsal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RPC = Properties(content_type="application/json-rpc", reply_to="asker")
MARKED = RPC._replace(message_id="m-1")


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
