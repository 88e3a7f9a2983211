"""The worker's two lines to the broker: one to consume, one to publish, each kept alive.

Apart, because a broker in alarm blocks whoever publishes: on one line our acks would be stuck
behind our answers. A third line, opened when first needed, carries direct reply-to answers alone: a
forged address there makes the broker close the connection, and nobody else may suffer for it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from yarl import URL

from workers.link.connection import Wire, open_wire
from workers.link.intake import Intake
from workers.link.outbox import Outbox
from workers.link.supervisor import Lost, Supervisor
from workers.outcome import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiormq.abc import AbstractChannel

    from workers.link.outbox import Done
    from workers.outcome import Delivery
    from workers.publication import Publication

log = logging.getLogger("leveret.link")

#: Seconds a publication may wait for its confirm before the line is taken for dead. A quorum queue
#: confirms in milliseconds; after a leader's death in half a second.
CONFIRM_WITHIN: Final = 30.0
#: Seconds between looks at the oldest unconfirmed publication.
LOOK_EVERY: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPlan:
    """What the link connects to and consumes."""

    amqp_url: str
    #: Queue → how many of its messages may be with us unsettled.
    queues: Mapping[str, int]
    name: str
    #: Queue → arguments of its consumer, such as where in a stream to begin.
    arguments: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)
    #: Seconds.
    heartbeat: int = 15
    connect_timeout: float = 10.0

    @property
    def user(self) -> str:
        """The broker user we log in as, which our own copies are known by."""
        return URL(self.amqp_url).user or "guest"

    @property
    def address(self) -> str:
        """The address as it may be shown."""
        url = URL(self.amqp_url)
        return str(url.with_query(None).with_user(None)) if url.user else str(url.with_query(None))


class Link:
    """Brings deliveries to `sink`, takes settlements and publications, and heals itself."""

    def __init__(self, plan: LinkPlan, sink: Callable[[Delivery], None]) -> None:
        self._plan = plan
        self._tags = {f"leveret-{n}".encode(): queue for n, queue in enumerate(plan.queues)}
        self.intake = Intake(self._tags, sink)
        self.outbox = Outbox(user=plan.user)
        self.direct = Outbox(user=plan.user, mandatory=False, resend=False)
        self._consuming = Supervisor("consuming", self._consume, address=plan.address)
        self._publishing = Supervisor("publishing", self._publish, address=plan.address)
        self._answering = Supervisor("direct-reply", self._answer, address=plan.address)
        self._answering_asked = False
        self._quiet = asyncio.Event()
        self._cancelled = asyncio.Event()

    def watch(self, told: Callable[[str, bool], None]) -> None:
        """Have `told` called with a connection's name and whether it is there, at each change."""
        self._consuming.told = lambda there: told("consuming", there)
        self._publishing.told = lambda there: told("publishing", there)

    @property
    def address(self) -> str:
        """The broker's address as it may be shown."""
        return self._plan.address

    @property
    def blocked(self) -> bool:
        """Whether the broker holds our publications back (an alarm)."""
        return self.outbox.blocked

    async def start(self, *, within: float) -> None:
        """Return when publications go out and deliveries come in, or raise LinkError."""
        await self._publishing.start(within=within)
        await self._consuming.start(within=within)

    async def publish_only(self, *, within: float) -> None:
        """Return when publications go out; nothing is consumed."""
        await self._publishing.start(within=within)

    def publish(
        self,
        message: Publication | Answer,
        done: Done,
        *,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Send a message and have `done` called with its fate."""
        if isinstance(message, Answer) and message.direct:
            self._open_direct_line()
            self.direct.publish(message, done, wanted=wanted)
        else:
            self.outbox.publish(message, done, wanted=wanted)

    def ack(self, delivery: Delivery) -> None:
        """Tell the broker that the message came to its end."""
        self.intake.ack(delivery)

    def requeue(self, delivery: Delivery) -> None:
        """Give the message back to the broker."""
        self.intake.requeue(delivery)

    def is_current(self, delivery: Delivery) -> bool:
        """Whether the delivery can still be settled."""
        return self.intake.is_current(delivery)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` after a while."""
        asyncio.get_running_loop().call_later(seconds, act)

    async def quiet(self) -> None:
        """Stop new deliveries; returns when the broker has confirmed that none will come."""
        self._quiet.set()
        await self._cancelled.wait()

    async def stop(self, *, within: float) -> None:
        """Wait until what was published is confirmed, at most `within` seconds; then close."""
        try:
            async with asyncio.timeout(within):
                await self.outbox.empty()
                await self.direct.empty()
        except TimeoutError:
            log.warning("%d publications were not confirmed in time", len(self.outbox))
        self.intake.flush()
        await self._answering.stop()
        await self._consuming.stop()
        await self._publishing.stop()

    def _open_direct_line(self) -> None:
        if not self._answering_asked:
            self._answering_asked = True
            self._answering.begin()

    # -- one life of each line; returns never, raises when it is over --

    async def _consume(self, begun: Callable[[], None]) -> None:
        wire = await self._open("consume")
        try:
            channel = await wire.channel(confirms=False)
            over = _Ending(channel)
            self.intake.attach(wire, channel.number)
            for tag, (queue, prefetch) in zip(self._tags, self._plan.queues.items(), strict=True):
                await channel.basic_qos(prefetch_count=prefetch)  # holds for the next consumer
                await channel.basic_consume(
                    queue,
                    _never,
                    consumer_tag=tag.decode(),
                    arguments=dict(self._plan.arguments.get(queue, {})),
                )
            begun()
            await self._until_quiet(over)
            for tag in self._tags:
                await channel.basic_cancel(tag.decode())
            self._cancelled.set()
            await over.wait()
        finally:
            self.intake.detach()
            if self._quiet.is_set():
                self._cancelled.set()  # no line, no deliveries
            await wire.close()

    async def _until_quiet(self, over: _Ending) -> None:
        """Wait for `quiet`; raises when the line ends first."""
        quiet = asyncio.create_task(self._quiet.wait())
        ended = asyncio.create_task(over.wait())
        try:
            await asyncio.wait([quiet, ended], return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                await ended
        finally:
            quiet.cancel()
            ended.cancel()

    async def _publish(self, begun: Callable[[], None]) -> None:
        wire = await self._open("publish")
        await self._carry(wire, self.outbox, begun)

    async def _answer(self, begun: Callable[[], None]) -> None:
        wire = await self._open("direct reply")
        await self._carry(wire, self.direct, begun)

    async def _carry(self, wire: Wire, outbox: Outbox, begun: Callable[[], None]) -> None:
        try:
            channel = await wire.channel(confirms=True)
            over = _Ending(channel)
            wire.frames.watch_blocked(outbox.block)
            outbox.attach(wire, channel.number)
            begun()
            while True:
                try:
                    async with asyncio.timeout(LOOK_EVERY):
                        await over.wait()
                except TimeoutError:
                    if not outbox.blocked and outbox.oldest() > CONFIRM_WITHIN:
                        wire.abort()
                        raise Lost(f"no confirm came for {CONFIRM_WITHIN:g} s") from None
        finally:
            outbox.detach()
            await wire.close()

    async def _open(self, purpose: str) -> Wire:
        plan = self._plan
        return await open_wire(
            URL(plan.amqp_url),
            name=f"{plan.name} ({purpose})",
            heartbeat=plan.heartbeat,
            timeout=plan.connect_timeout,
        )


class _Ending:
    """How a channel ends: closed by either side, or its consumer cancelled by the broker."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        channel.on_consumer_cancel_callbacks.add(self._cancelled)
        channel.closing.add_done_callback(self._closed)

    async def wait(self) -> None:
        """Raise Lost with the reason, once there is one."""
        raise Lost(await asyncio.shield(self._over))

    def _cancelled(self, frame: object) -> None:
        tag = getattr(frame, "consumer_tag", "?")
        self._end(f"the broker cancelled consumer {tag}: was its queue deleted?")

    def _closed(self, closing: asyncio.Future[object]) -> None:
        error = None if closing.cancelled() else closing.exception()
        self._end(f"channel closed: {error}" if error else "channel closed")

    def _end(self, why: str) -> None:
        if not self._over.done():
            self._over.set_result(why)


async def _never(_message: object) -> None:
    """Stand where aio-pika wants a callback; the tap takes every delivery before it gets there."""
    raise AssertionError("a delivery passed the tap")
