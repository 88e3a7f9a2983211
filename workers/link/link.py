"""The worker's two lines to the broker: one to consume, one to publish, each kept alive.

Apart, because a broker in alarm blocks whoever publishes: on one line our acks would be stuck
behind our answers. Three more, opened when first needed, carry what may cost its sender the line,
so that nobody else suffers for it: direct reply-to answers, since a forged address makes the broker
close the connection; whatever goes to an exchange that the broker closed a channel for; and, one at
a time, messages of which one is too large for it.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Protocol

from workers.counting import plural
from workers.link.careful import CarefulLine
from workers.link.consuming import Consuming
from workers.link.intake import Intake
from workers.link.outbox import Outbox, Waiting
from workers.link.plan import LinkPlan
from workers.link.publishing import Publishing
from workers.link.side import SideLine
from workers.outcome import Answer
from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.link.ear import Ear
    from workers.link.outbox import Done
    from workers.outcome import Delivery
    from workers.publication import Publication

__all__ = ["Link", "LinkPlan", "Told"]

log = logging.getLogger("leveret.link")


class Told(Protocol):
    """Called at each change of a connection; must not raise."""

    def __call__(self, connection: str, there: bool, why: str, /) -> None:  # noqa: FBT001 - yes or no
        """Act on it; `why` says what is in the way of one that is not there."""


class Link:
    """Brings deliveries to `sink`, takes settlements and publications, and heals itself."""

    def __init__(self, plan: LinkPlan, sink: Callable[[Delivery], None]) -> None:
        self._plan = plan
        queues = {tag.encode(): queue for tag, (queue, _) in plan.consumers()}
        self.intake = Intake(queues, sink)
        self.outbox = Outbox(user=plan.user)
        self._direct = SideLine(
            plan, Outbox(user=plan.user, mandatory=False, resend=False), "direct reply"
        )
        self._doubtful = SideLine(
            plan, Outbox(user=plan.user, resend=False, lost=Published.CLOSED), "doubtful"
        )
        self._careful = CarefulLine(plan)
        self._careful.changed = self._weigh
        #: Exchanges that cost us a channel, until one takes a message again.
        self._doubted: set[str] = set()
        #: Whether anything is doubted: all that the fast path asks.
        self._wary = False
        self._consuming = Consuming(plan, self.intake)
        self._publishing = Publishing(plan, self.outbox, "publish")
        self._publishing.refused = self._doubt
        self._publishing.spoilt = self._careful.take
        self.ack = self.intake.ack
        self.requeue = self.intake.requeue
        self.is_current = self.intake.is_current

    def watch(self, told: Told) -> None:
        """Have `told` called with a connection's name and whether it is there, at each change."""
        self._consuming.supervisor.told = lambda there, why: told("consuming", there, why)
        self._publishing.supervisor.told = lambda there, why: told("publishing", there, why)

    def hear(self, ear: Ear) -> None:
        """Have somebody listen on the consuming connection, beside the work."""
        self._consuming.ear = ear

    @property
    def address(self) -> str:
        """The broker's address as it may be shown."""
        return self._plan.address

    @property
    def most_unsettled(self) -> int:
        """How many deliveries may be with us unsettled at most, all queues together."""
        return sum(self._plan.queues.values())

    @property
    def blocked(self) -> bool:
        """Whether the broker holds our publications back (an alarm)."""
        return self.outbox.blocked

    async def start(self, *, within: float) -> None:
        """Return when publications go out and deliveries come in, or raise LinkError."""
        await self._publishing.supervisor.start(within=within)
        await self._consuming.supervisor.start(within=within)

    async def publish_only(self, *, within: float) -> None:
        """Return when publications go out; nothing is consumed."""
        await self._publishing.supervisor.start(within=within)

    def publish(
        self,
        message: Publication | Answer,
        done: Done,
        *,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Send a message and have `done` called with its fate."""
        if isinstance(message, Answer) and message.direct:
            self._direct.publish(message, done, wanted)
        elif self._wary and message.exchange in self._doubted:
            told = partial(self._tried, message.exchange, done)
            self._doubtful.publish(message, told, wanted)
        elif self._wary and len(message.body) >= self._careful.too_large:
            self._careful.take((Waiting(message, done, wanted, 0.0),))
        else:
            self.outbox.publish(message, done, wanted=wanted)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` after a while."""
        asyncio.get_running_loop().call_later(seconds, act)

    async def pause(self) -> None:
        """Take no more deliveries until `resume`; returns when none will come."""
        await self._consuming.pause()

    def resume(self) -> None:
        """Take deliveries again."""
        self._consuming.resume()

    async def quiet(self) -> None:
        """Take no more deliveries ever; returns when none will come, in 5 s whatever happens."""
        await self._consuming.quiet()

    async def stop(self, *, within: float) -> None:
        """Wait until what was published is confirmed, at most `within` seconds; then close."""
        outboxes = (self.outbox, self._direct.outbox, self._doubtful.outbox)
        careful = self._careful
        try:
            async with asyncio.timeout(within):
                for outbox in outboxes:
                    if outbox.attached:  # without a line no confirm comes
                        await outbox.empty()
                if careful.outbox.attached:
                    await careful.empty()
        except TimeoutError:
            left = sum(map(len, outboxes)) + len(careful)
            told = plural(left, "publication was", "publications were")
            log.warning("%s not confirmed in time", told)
        self.intake.flush()
        await asyncio.gather(
            self._direct.stop(),
            self._doubtful.stop(),
            careful.stop(),
            self._consuming.supervisor.stop(),
            self._publishing.supervisor.stop(),
        )

    def _tried(self, exchange: str, done: Done, fate: Published) -> None:
        """Trust an exchange again that took a message, or said by itself that it has no queue."""
        if fate in {Published.CONFIRMED, Published.RETURNED}:
            self._doubted.discard(exchange)
            self._weigh()
        done(fate)

    def _doubt(self, exchange: str) -> None:
        self._doubted.add(exchange)
        self._weigh()

    def _weigh(self) -> None:
        self._wary = bool(self._doubted) or self._careful.too_large < inf
