"""Obeys operators: a command from a user who may give it is carried out, and its result told.

Who speaks is what the broker validated, never what the message says.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from workers.control.commands import Command, Told, Verb, read_command
from workers.publication import Publication, Published

if TYPE_CHECKING:
    from collections.abc import Callable

    from topology import Names
    from workers.control.state import ControlState
    from workers.outcome import Delivery

log = logging.getLogger("leveret.control")


class Replica(Protocol):
    """What can be done to a replica; the service is one."""

    async def pause(self) -> None:
        """Take no more messages, and give back what nobody has begun."""

    def resume(self) -> None:
        """Take messages again."""

    def leave(self) -> None:
        """Drain."""

    def told(self, command: Command, *, refused: str = "") -> Told:
        """Return how it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Who is spoken to here, and whom it obeys."""

    replica: str
    #: Broker users.
    users: frozenset[str]
    names: Names


class Publish(Protocol):
    """Sends a message and calls `done` with its fate; the link's."""

    def __call__(self, message: Publication, done: Callable[[Published], None], /) -> None:
        """Send it."""


class Control:
    """Takes what comes on the control exchange; one command after the other."""

    def __init__(self, replica: Replica, state: ControlState, post: Post, publish: Publish) -> None:
        self._replica = replica
        self._state = state
        self._post = post
        self._publish = publish
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def heard(self, delivery: Delivery) -> None:
        """Take a delivery from the control exchange; what is no command is left alone."""
        command = read_command(delivery.body)
        if command is None or command.replica not in {None, self._post.replica}:
            return
        task = asyncio.get_running_loop().create_task(self._obey(command, delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _obey(self, command: Command, delivery: Delivery) -> None:
        user = delivery.properties.user_id
        if user not in self._post.users:
            log.warning("%s of %s is not obeyed: not in LEVERET_CONTROL_USERS", command.verb, user)
            refused = f"the broker user {user} may not; add it to LEVERET_CONTROL_USERS there"
            self._answer(delivery, self._replica.told(command, refused=refused))
            return
        async with self._turn:
            if command.verb is not Verb.PING:
                log.info("%s, as %s asked", command.verb, user)
            await self._do(command.verb)
            self._answer(delivery, self._replica.told(command))

    async def _do(self, verb: Verb) -> None:
        match verb:
            case Verb.PAUSE:
                self._state.paused = True
                await self._replica.pause()
            case Verb.RESUME:
                self._state.paused = False
                self._replica.resume()
            case Verb.DRAIN:
                self._replica.leave()
            case Verb.MAINTENANCE_ON | Verb.MAINTENANCE_OFF:
                self._state.maintenance = verb is Verb.MAINTENANCE_ON
            case Verb.PING:
                pass

    def _answer(self, delivery: Delivery, told: Told) -> None:
        to = delivery.properties.reply_to or ""
        if not to.startswith(f"{self._post.names.control}."):
            return  # only an operator's own queue: nothing else is to be written to from here
        self._publish(
            Publication(
                "",
                to,
                told.model_dump_json().encode(),
                correlation_id=str(told.id),
                type="control",
            ),
            _whatever,
        )


def _whatever(_fate: Published) -> None:
    """Do nothing: an operator who has left needs no answer."""
