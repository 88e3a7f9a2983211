"""One command on its way to the replicas, and what they say to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from workers.control.commands import Told, read_told
from workers.link.client import Client
from workers.link.supervisor import LinkError
from workers.publication import Publication, Published

if TYPE_CHECKING:
    from collections.abc import Callable

    from topology import Names
    from workers.control.commands import Command
    from workers.outcome import Delivery

#: Seconds without a further answer after which all have answered who will.
SETTLED: Final = 0.5
#: Seconds to wait for the first answer; a pause or a busy worker takes a moment.
FIRST: Final = 3.0


class NotConfirmed(Exception):
    """The broker did not take the command, or nobody knows whether it did; says which."""


#: What is said of a command that may have reached nobody.
_UNTAKEN: Final = {
    Published.REFUSED: "the broker refused the command: a replica's queue for commands is full or "
    "failing",
    Published.UNSENDABLE: "the command does not fit into what this broker takes in one message",
    Published.UNKNOWN: "the connection was lost before the broker confirmed the command, so "
    "replicas may have it or not",
}


class Asking:
    """Sends one command; `told` hears each replica once, as soon as it answers."""

    def __init__(self, command: Command, told: Callable[[Told], None] = lambda _: None) -> None:
        self._command = command
        self._told = told
        #: What each replica said, by its id.
        self.answered: dict[str, Told] = {}
        self._came = asyncio.Event()
        #: Why no more answers can be told: nobody reads them, or a disk is full.
        self._untold: OSError | None = None

    async def ask(
        self, amqp_url: str, names: Names, *, within: float = FIRST, connect_timeout: float = 10.0
    ) -> None:
        """Send it, and return when the one that is meant has answered, or no more answers come.

        Raises LinkError where the broker cannot be had or refuses the command, NotConfirmed, and
        the OSError of an answer that could not be told.
        """
        client = Client(
            amqp_url, names, heard=self._heard, connect_timeout=connect_timeout, operator=True
        )
        command = self._command
        async with client:
            message = Publication(
                names.control,
                "",
                command.model_dump_json().encode(),
                correlation_id=str(command.id),
                reply_to=client.reply_to,
                type="control",
            )
            try:
                async with asyncio.timeout(within):
                    fate = await client.publish(message)
            except TimeoutError:
                raise NotConfirmed("the broker did not confirm the command in time") from None
            if fate is Published.CLOSED:
                raise LinkError(
                    f"the broker user may not publish to {names.control}; connect as one with the "
                    "permissions of the operator role (`leveret topology export --users`)"
                )
            if why := _UNTAKEN.get(fate):
                raise NotConfirmed(why)
            if fate is Published.CONFIRMED:
                await self._gather(within)
        if self._untold is not None:
            raise self._untold

    async def _gather(self, within: float) -> None:
        wait = within
        while True:
            try:
                async with asyncio.timeout(wait):
                    await self._came.wait()
            except TimeoutError:
                return
            self._came.clear()
            if self._untold is not None:
                return
            if self._command.replica is not None:
                return
            wait = SETTLED

    def _heard(self, delivery: Delivery) -> None:
        told = read_told(delivery.body)
        if told is None or told.id != self._command.id or told.replica in self.answered:
            return
        self.answered[told.replica] = told
        # Whatever comes of telling it, the line that brought the answer goes on.
        self._came.set()
        if self._untold is None:
            try:
                self._told(told)
            except OSError as error:
                self._untold = error
