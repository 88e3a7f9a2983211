"""Who may command a replica, what it then does, and what it answers to whom."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from waiting import turn

from topology import Names
from workers.control.commands import LARGEST, Command, Told, Verb, read_command, read_told
from workers.control.control import Control, Post
from workers.control.state import ControlState
from workers.outcome import Delivery, Properties

if TYPE_CHECKING:
    from workers.publication import Publication

NAMES = Names()
MINE = NAMES.control_queue("client-1")


class Recording:
    """A replica that notes what it was told to do."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.said: list[Publication] = []
        self.state = ControlState()
        post = Post(replica="one", users=frozenset({"lev.operator"}), names=NAMES)
        self.control = Control(self, self.state, post, lambda message, _: self.said.append(message))

    async def pause(self) -> None:
        """Note it, a moment later."""
        await turn()
        self.done.append("pause")

    def resume(self) -> None:
        """Note it."""
        self.done.append("resume")

    def leave(self) -> None:
        """Note it."""
        self.done.append("leave")

    def told(self, command: Command, *, refused: str = "") -> Told:
        """Tell the state as it is."""
        return Told(
            id=command.id,
            replica="one",
            group="g",
            state="paused" if self.state.paused else "serving",
            maintenance=self.state.maintenance,
            in_flight=0,
            version="1",
            refused=refused,
        )

    async def hears(self, body: bytes, **properties: Any) -> None:
        """Hand it a delivery, and wait until that is done."""
        given = {"user_id": "lev.operator", "reply_to": MINE} | properties
        self.control.heard(Delivery(body, Properties(**given)))
        while self.control._tasks:
            await asyncio.wait(self.control._tasks)


def command(verb: str, **more: Any) -> bytes:
    """Return a command as it travels."""
    return Command(verb=Verb(verb), **more).model_dump_json().encode()


@pytest.fixture
def replica() -> Recording:
    """Return a replica."""
    return Recording()


async def test_each_verb_is_done_and_answered_afterwards(replica: Recording) -> None:
    """What the answer says is how it stands then."""
    for verb in ("ping", "pause", "maintenance_on", "resume", "maintenance_off", "drain"):
        await replica.hears(command(verb))
    assert replica.done == ["pause", "resume", "leave"]
    told = [read_told(said.body) for said in replica.said]
    assert [(one.state, one.maintenance) for one in told if one] == [
        ("serving", False),
        ("paused", False),
        ("paused", True),
        ("serving", True),
        ("serving", False),
        ("serving", False),
    ]
    assert {(said.exchange, said.routing_key) for said in replica.said} == {("", MINE)}


async def test_commands_are_carried_out_in_the_order_they_came(replica: Recording) -> None:
    """A resume right behind a pause does not overtake it."""
    for verb in ("pause", "resume", "pause"):
        replica.control.heard(
            Delivery(command(verb), Properties(user_id="lev.operator", reply_to=MINE))
        )
    while replica.control._tasks:
        await asyncio.wait(replica.control._tasks)
    assert replica.done == ["pause", "resume", "pause"]


@pytest.mark.parametrize("user", [None, "guest", "lev.operator "])
async def test_nobody_else_is_obeyed_and_hears_why(replica: Recording, user: str | None) -> None:
    """Who it is says the broker; without its word it is nobody."""
    await replica.hears(command("drain"), user_id=user)
    assert replica.done == []
    (said,) = replica.said
    told = read_told(said.body)
    assert told is not None
    assert "LEVERET_CONTROL_USERS" in told.refused


async def test_a_command_for_another_replica_is_left_to_it(replica: Recording) -> None:
    """Neither done nor answered."""
    await replica.hears(command("drain", replica="two"))
    await replica.hears(command("pause", replica="one"))
    assert replica.done == ["pause"]
    assert len(replica.said) == 1


@pytest.mark.parametrize(
    "to", [None, "", "amq.gen-x", NAMES.work("default"), NAMES.control, "agent://a/b"]
)
async def test_an_answer_goes_nowhere_but_to_an_operators_queue(
    replica: Recording, to: str | None
) -> None:
    """A command cannot make the worker write to a queue of the sender's choice."""
    await replica.hears(command("ping"), reply_to=to)
    assert replica.said == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"verb":"format"}',
        b'{"verb":"ping","more":1}',
        b'{"verb":"ping","replica":""}',
        b'{"verb":"ping","replica":"' + b"x" * LARGEST + b'"}',
    ],
)
async def test_what_is_no_command_is_left_alone(replica: Recording, body: bytes) -> None:
    """It may be one of a later version, or anything."""
    assert read_command(body) is None
    await replica.hears(body)
    assert (replica.done, replica.said) == ([], [])


def test_an_answer_that_cannot_be_read_is_none() -> None:
    """The asker prints what it understands."""
    assert read_told(b"{}") is None
    assert read_told(b'{"id":"%s"}' % str(uuid4()).encode()) is None
