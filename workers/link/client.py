"""A program's own end of the conversation: publish with confirms, and hear the answers.

What `leveret publish`, `leveret dev` and the tests talk through. It has a mailbox of its own on the
replies exchange, which the broker removes when nobody has listened for a minute. The agent it is
there is called like its broker user: a publisher's rights reach no other agent's mailboxes.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final, Self

from aio_pika.abc import ExchangeType
from yarl import URL

from topology import Role, TopologyError, is_agent_id
from topology.apply import depths
from workers.link.connection import ANSWER_WITHIN, open_wire
from workers.link.link import Link, LinkPlan
from workers.link.supervisor import LOST, explain
from workers.publication import Publication, Published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from aio_pika.abc import AbstractChannel, AbstractQueue

    from topology import Names
    from topology.apply import Depth
    from workers.link.link import Told
    from workers.outcome import Delivery

#: Milliseconds without a listener after which the broker removes a client's mailbox.
MAILBOX_EXPIRES: Final = 60_000
#: Answers the broker may have on the way to us.
ANSWERS_AT_ONCE: Final = 500
#: What the name of a client's one mailbox begins with; clients of one user are the same agent.
MAILBOX: Final = "answers"
#: What a client is called where its user names no agent, or it is no agent's business.
NAMELESS: Final = "client"
#: Seconds for the last publications to be confirmed when a client closes.
LAST_CONFIRMS: Final = 10.0


class Client:
    """Publishes requests and hands every answer to `heard`; use it as an async context manager.

    As an `operator` its mailbox is a plain queue below the control exchange's name, which is all
    that the operator's role may have. With `watching` it hears the heartbeats and the journal of
    dead letters too, from now on; the queue of a delivery tells which it is.
    """

    def __init__(
        self,
        amqp_url: str,
        names: Names,
        *,
        heard: Callable[[Delivery], None],
        connect_timeout: float = 10.0,
        watching: bool = False,
        operator: bool = False,
    ) -> None:
        self._names = names
        self._url = amqp_url
        self._heard = heard
        self._within = connect_timeout
        self._watching = watching
        self._operator = operator
        mark = secrets.token_hex(6)
        user = URL(amqp_url).user or ""
        alone = f"{NAMELESS}-{mark}"
        self.agent_id = user if is_agent_id(user) else alone
        self._box = f"{MAILBOX}-{mark}"
        #: Where answers come from.
        self.mailbox = (
            names.control_queue(alone) if operator else names.mailbox(self.agent_id, self._box)
        )
        #: Where heartbeats come from.
        self.heartbeats = names.heartbeat_queue(alone)
        self._called = f"leveret {alone}"
        watched = (self.heartbeats, names.journal) if watching else ()
        self._role = Role.OPERATOR if operator or watching else Role.PUBLISHER
        plan = LinkPlan(
            amqp_url=amqp_url,
            role=self._role,
            name=self._called,
            connect_timeout=connect_timeout,
            queues=dict.fromkeys((self.mailbox, *watched), ANSWERS_AT_ONCE),
            arguments={names.journal: {"x-stream-offset": "next"}},
        )
        self._link = Link(plan, self._take)

    def watch(self, told: Told) -> None:
        """Have `told` called with a line's name and whether it is there, at each change."""
        self._link.watch(told)

    @property
    def reply_to(self) -> str:
        """The address that answers to this client go to."""
        return self.mailbox if self._operator else f"agent://{self.agent_id}/{self._box}"

    async def __aenter__(self) -> Self:
        """Connect; raises LinkError when the broker cannot be used."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._declare()
        except LOST as error:
            raise explain(error, self._link.address, self._role) from error
        async with AsyncExitStack() as undo:
            # Lines that began would live on, and knock for ever, with nobody to stop them.
            undo.push_async_callback(self._link.stop, within=0)
            await self._link.start(within=self._within)
            undo.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for what was published to be confirmed, and close."""
        await self._link.quiet()
        await self._link.stop(within=LAST_CONFIRMS)

    async def publish(self, message: Publication) -> Published:
        """Send a message and return what the broker says about it."""
        fate: asyncio.Future[Published] = asyncio.get_running_loop().create_future()

        def told(said: Published) -> None:
            if not fate.done():
                fate.set_result(said)

        self._link.publish(message, told)
        return await fate

    def post(self, message: Publication, done: Callable[[Published], None]) -> None:
        """Send a message without waiting; `done` is called with its fate."""
        self._link.publish(message, done)

    @property
    def unconfirmed(self) -> int:
        """How many publications the broker has not answered for."""
        return len(self._link.outbox)

    @property
    def unsent(self) -> int:
        """How many publications have never left us."""
        return self._link.outbox.unsent

    async def depths(self, queues: Iterable[str]) -> Mapping[str, Depth]:
        """Return how full queues are and who consumes them; without those that cannot be seen.

        Asked on a connection of its own: a refusal closes the channel it comes on.
        """
        try:
            wire = await open_wire(
                URL(self._url), name=f"{self._called} (looking)", heartbeat=15, timeout=self._within
            )
            try:
                return await depths(wire.connection, queues)
            finally:
                await wire.close()
        except (*LOST, TopologyError):
            return {}

    def _take(self, delivery: Delivery) -> None:
        self._link.ack(delivery)
        self._heard(delivery)

    async def _declare(self) -> None:
        wire = await open_wire(
            URL(self._url),
            name=f"{self._called} (mailbox)",
            heartbeat=15,
            timeout=self._within,
        )
        try:
            channel = await wire.connection.channel()
            if self._operator:
                await self._queue(channel, self.mailbox)
                # Asked for by its name alone, it is refused here and not at the first command.
                await channel.declare_exchange(self._names.control, passive=True)
            else:
                await self._private(
                    channel,
                    self.mailbox,
                    self._names.replies,
                    ExchangeType.TOPIC,
                    self._names.mailbox_key(self.agent_id, self._box),
                )
            if self._watching:
                await self._private(
                    channel,
                    self.heartbeats,
                    self._names.heartbeats,
                    ExchangeType.FANOUT,
                    "",
                )
        finally:
            await wire.close()

    async def _private(
        self,
        channel: AbstractChannel,
        queue: str,
        exchange: str,
        kind: ExchangeType,
        key: str,
    ) -> None:
        """Declare a queue of our own and bind it."""
        mine = await self._queue(channel, queue)
        source = await channel.declare_exchange(exchange, kind, durable=True, passive=True)
        await mine.bind(source, key)

    async def _queue(self, channel: AbstractChannel, queue: str) -> AbstractQueue:
        """Declare a queue that the broker removes when we are long gone."""
        return await channel.declare_queue(
            queue,
            durable=True,
            arguments={"x-expires": MAILBOX_EXPIRES},
        )
