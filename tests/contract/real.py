"""A link to a real broker, on a virtual host of its own."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Self

import aio_pika
from broker.vhost import Vhost
from broker.worker import NAMES, eventually
from contract.stage import ANSWERS, LETTERS, MAILBOX, MAILBOX_KEY, RUNG, WORK, Arrived, Overheard

from workers.link.ground import stand
from workers.link.link import Link, LinkPlan
from workers.link.wire import ack
from workers.publication import Published
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.outcome import Delivery
    from workers.settling.ports import Broker


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
        await self._stand()
        self._connection = await aio_pika.connect(self._url)
        self._channel = await self._connection.channel()
        await self._channel.declare_queue(ANSWERS)
        mailbox = await self._channel.declare_queue(MAILBOX)
        await mailbox.bind(NAMES.replies, MAILBOX_KEY)
        direct = await self._channel.get_queue("amq.rabbitmq.reply-to", ensure=False)
        await direct.consume(self._hear, no_ack=True)
        await self.link.start(within=10)
        return self

    async def _stand(self) -> None:
        """Lay out the topology."""
        await stand(Settings(amqp_url=self._url, retry_delays=(RUNG,)), patience=5)

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

    async def spoil(self, place: str, fate: Published) -> None:
        """Do to the exchange or queue what makes a broker say so."""
        if place == LETTERS:
            await self._spoil_letters(fate)
        else:
            await self._spoil_exchange(place, fate)

    async def _spoil_letters(self, fate: Published) -> None:
        """Take the queue away; where it is to be full, put one of its name there that has no room.

        Laying out the topology mends it.
        """
        await self._vhost.delete_queue(LETTERS)
        if fate is Published.REFUSED:
            arguments = {"x-max-length": 0, "x-overflow": "reject-publish"}
            await self._channel.declare_queue(LETTERS, arguments=arguments)

        async def mend() -> None:
            if fate is Published.REFUSED:
                await self._vhost.delete_queue(LETTERS)
            await self._stand()

        self._spoilt[LETTERS] = mend

    async def _spoil_exchange(self, exchange: str, fate: Published) -> None:
        vhost = self._vhost
        if fate is Published.REFUSED:
            arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
            full = await self._channel.declare_queue("contract.full", arguments=arguments)
            await self._channel.default_exchange.publish(aio_pika.Message(b"full"), full.name)
            for key in ("#", MAILBOX_KEY, WORK):
                await full.bind(exchange, key)
            self._spoilt[exchange] = partial(full.delete, if_empty=False)
            return
        made = await vhost.delete_exchange(exchange)
        if fate is Published.RETURNED:
            await vhost.make_exchange(exchange, {**made, "bindings": []})
        self._spoilt[exchange] = lambda: vhost.make_exchange(exchange, made)

    async def mend(self, place: str) -> None:
        """Undo it."""
        await self._spoilt.pop(place)()  # type: ignore[misc] # each is a coroutine function

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

    def lose_line(self) -> None:
        """Cut it in the turn of the loop in which it was written to: no confirm has come yet."""
        wire = self.link.outbox._heard
        assert wire is not None
        wire.abort("the contract says so")

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
