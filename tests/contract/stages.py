"""Where settling is tried: over the fake, and over a link to a real broker.

A stage brings deliveries, spoils and mends exchanges, shows what arrived, and keeps a log of what
settling said and heard, in order and in words that are the same on every stage.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, Self

import aio_pika
from broker.vhost import Vhost
from broker.worker import NAMES, eventually

from topology import Delay
from workers.link.ground import stand
from workers.link.link import Link, LinkPlan
from workers.link.wire import ack
from workers.outcome import Answer, Delivery, Properties
from workers.publication import Publication, Published
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workers.settle import Broker

WORK: Final = NAMES.work("default")
#: A plain queue of somebody who asks.
ANSWERS: Final = "contract.answers"
#: The mailbox of an agent who asks.
MAILBOX: Final = NAMES.mailbox("asker", "answers")
MAILBOX_KEY: Final = NAMES.mailbox_key("asker", "answers")
#: Longer than any test, so that what waits there is found there.
RUNG: Final = Delay.parse("60s")
RETRY: Final = NAMES.retry(RUNG)
#: Which queues have what was published, by exchange; of the default one the routing key says it.
BOUND: Final[Mapping[str, tuple[str, ...]]] = {
    NAMES.dead: (NAMES.dead_queue("default"),),
    NAMES.replies: (MAILBOX,),
    RETRY: (RETRY,),
}


class Arrived(NamedTuple):
    """A message as its reader finds it."""

    body: bytes
    headers: Mapping[str, object]
    correlation_id: str | None
    type: str | None
    content_type: str | None
    reply_to: str | None


class Stage(Protocol):
    """What the suite needs of a place to settle in."""

    #: What settling is to talk to.
    broker: Broker
    log: list[str]

    async def deliver(self, body: bytes, *, reply_to: str = "", **headers: str) -> Delivery:
        """Bring a message and return it as it was delivered."""

    async def next(self) -> Delivery:
        """Return the next delivery."""

    async def spoil(self, exchange: str, fate: Published) -> None:
        """Have what is published to an exchange end like this."""

    async def mend(self, exchange: str) -> None:
        """Have it confirmed again."""

    async def arrived(self, queue: str) -> list[Arrived]:
        """Take all out of a queue."""

    async def end_session(self) -> None:
        """End the session of all deliveries so far; they come again."""

    async def left(self) -> int:
        """Close, and return how many messages the broker still has in the work queue."""

    def direct_address(self) -> str:
        """Return a direct reply-to address at which somebody listens."""

    async def direct_answers(self, count: int) -> list[bytes]:
        """Return so many bodies that arrived there."""


class Overheard:
    """Passes every verb on and notes it, with what the broker said."""

    def __init__(self, broker: Broker, log: list[str]) -> None:
        self._broker = broker
        self._log = log
        self.is_current = broker.is_current
        self.later = broker.later

    def publish(
        self,
        message: Publication | Answer,
        done: Callable[[Published], None],
        *,
        wanted: Callable[[], bool],
    ) -> None:
        """Publish; note the exchange, and then the fate."""
        where = message.exchange or message.routing_key.partition(".reply-to.")[0]
        self._log.append(f"publish {where}")

        def noted(fate: Published) -> None:
            self._log.append(fate.value)
            done(fate)

        self._broker.publish(message, noted, wanted=wanted)

    def ack(self, delivery: Delivery) -> None:
        """Ack, and note it."""
        self._log.append("ack")
        self._broker.ack(delivery)

    def requeue(self, delivery: Delivery) -> None:
        """Give back, and note it."""
        self._log.append("requeue")
        self._broker.requeue(delivery)


class OnPaper:
    """The fake: answers as a broker would, as far as this suite has seen one do it."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.broker: Broker = Overheard(self, self.log)
        self._fates: dict[str, Published] = {}
        self._queues: dict[str, list[Arrived]] = defaultdict(list)
        self._session = 1
        self._unsettled: dict[int, Delivery] = {}
        self._tags = 0
        self._coming: asyncio.Queue[Delivery] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        """Nothing has to be made."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Nothing has to be removed."""

    # -- the five verbs --

    def publish(
        self,
        message: Publication | Answer,
        done: Callable[[Published], None],
        *,
        wanted: Callable[[], bool],
    ) -> None:
        """Take a message to where it belongs, and tell its fate in the loop's next turn."""
        fate = self._fate(message)
        if fate is Published.CONFIRMED:
            for queue in BOUND.get(message.exchange, (message.routing_key,)):
                self._queues[queue].append(_as_arrived(message))
        if fate is Published.UNSENDABLE:
            done(fate)  # at once: nothing is on the way
        else:
            asyncio.get_running_loop().call_soon(done, fate)

    def ack(self, delivery: Delivery) -> None:
        """Forget the message."""
        if self.is_current(delivery):
            self._unsettled.pop(delivery.tag, None)

    def requeue(self, delivery: Delivery) -> None:
        """Bring it again."""
        if self.is_current(delivery) and delivery.tag in self._unsettled:
            self._bring(self._unsettled.pop(delivery.tag)._replace(redelivered=True))

    def is_current(self, delivery: Delivery) -> bool:
        """Whether its session goes on."""
        return delivery.session == self._session

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Call it then."""
        asyncio.get_running_loop().call_later(seconds, act)

    # -- the stage --

    async def deliver(self, body: bytes, *, reply_to: str = "", **headers: str) -> Delivery:
        """Bring a message."""
        properties = Properties(
            content_type="application/json",
            headers=headers,
            correlation_id="c-1",
            reply_to=reply_to or None,
            message_id="m-1",
            type="task_request",
        )
        self._bring(Delivery(body, properties, "", WORK, WORK))
        return await self.next()

    async def next(self) -> Delivery:
        """Return the next one."""
        return await asyncio.wait_for(self._coming.get(), 5)

    async def spoil(self, exchange: str, fate: Published) -> None:
        """Note it."""
        self._fates[exchange] = fate

    async def mend(self, exchange: str) -> None:
        """Forget it."""
        del self._fates[exchange]

    async def arrived(self, queue: str) -> list[Arrived]:
        """Take all of it."""
        return self._queues.pop(queue, [])

    async def end_session(self) -> None:
        """Begin another, with all that is unsettled."""
        self._session += 1
        lost, self._unsettled = self._unsettled, {}
        for delivery in lost.values():
            self._bring(delivery._replace(redelivered=True))

    async def left(self) -> int:
        """Count what is not acked."""
        return len(self._unsettled)

    def direct_address(self) -> str:
        """Return an address that is answered."""
        return "amq.rabbitmq.reply-to.here"

    async def direct_answers(self, count: int) -> list[bytes]:
        """Return what came there."""
        found = [one.body for one in self._queues.pop(self.direct_address(), [])]
        assert len(found) == count
        return found

    def _bring(self, delivery: Delivery) -> None:
        self._tags += 1
        fresh = delivery._replace(tag=self._tags, session=self._session)
        self._unsettled[fresh.tag] = fresh
        self._coming.put_nowait(fresh)

    def _fate(self, message: Publication | Answer) -> Published:
        if len((message.correlation_id or "").encode()) > 255:
            return Published.UNSENDABLE
        if isinstance(message, Answer) and message.direct:
            known = message.routing_key == self.direct_address()
            return Published.CONFIRMED if known else Published.UNKNOWN
        there = message.exchange or message.routing_key in {ANSWERS, WORK}
        missing = Published.CONFIRMED if there else Published.RETURNED
        return self._fates.get(message.exchange, missing)


class OnTheBroker:
    """A link on a virtual host of its own."""

    def __init__(self, amqp_url: str, management_url: str) -> None:
        self._url = amqp_url
        self._vhost = Vhost(amqp_url, management_url)
        self._coming: asyncio.Queue[Delivery] = asyncio.Queue()
        plan = LinkPlan(amqp_url=amqp_url, queues={WORK: 50}, name="contract")
        self.link = Link(plan, self._coming.put_nowait)
        self.log: list[str] = []
        self.broker: Broker = Overheard(self.link, self.log)
        self._spoilt: dict[str, Callable[[], object]] = {}
        self._direct = ""
        self._heard: list[bytes] = []

    async def __aenter__(self) -> Self:
        """Make the topology, the askers' queues, and connect."""
        await stand(Settings(amqp_url=self._url, retry_delays=(RUNG,)), patience=5)
        self._connection = await aio_pika.connect(self._url)
        self._channel = await self._connection.channel()
        await self._channel.declare_queue(ANSWERS)
        mailbox = await self._channel.declare_queue(MAILBOX)
        await mailbox.bind(NAMES.replies, MAILBOX_KEY)
        direct = await self._channel.get_queue("amq.rabbitmq.reply-to", ensure=False)
        await direct.consume(self._hear, no_ack=True)
        await self.link.start(within=10)
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close."""
        await self.link.quiet()
        await self.link.stop(within=5)
        await self._connection.close()

    async def deliver(self, body: bytes, *, reply_to: str = "", **headers: str) -> Delivery:
        """Publish to the work queue, and return what came."""
        message = aio_pika.Message(
            body,
            content_type="application/json",
            headers=dict(headers),
            correlation_id="c-1",
            reply_to=reply_to or None,
            message_id="m-1",
            type="task_request",
        )
        await self._channel.default_exchange.publish(message, WORK)
        return await self.next()

    async def next(self) -> Delivery:
        """Return the next one."""
        return await asyncio.wait_for(self._coming.get(), 10)

    async def spoil(self, exchange: str, fate: Published) -> None:
        """Do to the exchange what makes a broker say so."""
        vhost = self._vhost
        if fate is Published.REFUSED:
            arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
            full = await self._channel.declare_queue("contract.full", arguments=arguments)
            await self._channel.default_exchange.publish(aio_pika.Message(b"full"), full.name)
            for key in ("#", "default", MAILBOX_KEY, WORK):
                await full.bind(exchange, key)
            self._spoilt[exchange] = partial(full.delete, if_empty=False)
            return
        made = await vhost.delete_exchange(exchange)
        if fate is Published.RETURNED:
            await vhost.make_exchange(exchange, {**made, "bindings": []})
        self._spoilt[exchange] = lambda: vhost.make_exchange(exchange, made)

    async def mend(self, exchange: str) -> None:
        """Undo it."""
        await self._spoilt.pop(exchange)()  # type: ignore[misc] # each is a coroutine function

    async def arrived(self, queue: str) -> list[Arrived]:
        """Get one after the other."""
        found = []
        source = await self._channel.get_queue(queue, ensure=False)
        while (message := await source.get(no_ack=True, fail=False)) is not None:
            found.append(
                Arrived(
                    message.body,
                    message.headers,
                    message.correlation_id,
                    message.type,
                    message.content_type,
                    message.reply_to,
                )
            )
        return found

    async def end_session(self) -> None:
        """Make the broker close the channel, by an ack of what never was."""
        intake, before = self.link.intake, self.link.intake.session
        assert intake._wire is not None
        intake._wire.write(ack(intake._channel, 1 << 40, multiple=False))
        await eventually(lambda: intake.session > before)

    async def left(self) -> int:
        """Close the link; with the last consumer all that is unsettled goes back."""
        await self.link.quiet()
        await self.link.stop(within=5)
        while True:
            queue = await self._channel.declare_queue(WORK, passive=True)
            if not queue.declaration_result.consumer_count:
                return queue.declaration_result.message_count or 0
            await asyncio.sleep(0.05)

    def direct_address(self) -> str:
        """Return the address that the broker made of the asker's own."""
        return self._direct

    async def learn_direct_address(self) -> None:
        """Have the broker make one."""
        delivery = await self.deliver(b"who", reply_to="amq.rabbitmq.reply-to")
        self.link.ack(delivery)
        self._direct = delivery.properties.reply_to or ""

    async def direct_answers(self, count: int) -> list[bytes]:
        """Wait for so many."""
        await eventually(lambda: len(self._heard) >= count)
        return self._heard

    async def _hear(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        self._heard.append(message.body)


def _as_arrived(message: Publication | Answer) -> Arrived:
    if isinstance(message, Answer):
        return Arrived(
            message.body,
            {},
            message.correlation_id,
            message.message_type,
            message.content_type,
            None,
        )
    return Arrived(
        message.body,
        message.headers,
        message.correlation_id,
        message.type,
        message.content_type,
        message.reply_to,
    )
