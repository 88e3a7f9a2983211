"""The worker's two lines to the broker: one to consume, one to publish, each kept alive.

Apart, because a broker in alarm blocks whoever publishes: on one line our acks would be stuck
behind our answers. A third line, opened when first needed, carries direct reply-to answers alone: a
forged address there makes the broker close the connection, and nobody else may suffer for it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, Protocol

from workers.link.consuming import Consuming
from workers.link.intake import Intake
from workers.link.outbox import Outbox
from workers.link.plan import LinkPlan
from workers.link.publishing import Publishing
from workers.outcome import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.link.ear import Ear
    from workers.link.outbox import Done
    from workers.outcome import Delivery
    from workers.publication import Publication

__all__ = ["Link", "LinkPlan", "Told"]

log = logging.getLogger("leveret.link")

#: Seconds: the most between two attempts to open the line of direct replies. A forged address
#: closes it, and the honest ones behind it should not wait long.
DIRECT_WAIT: Final = 1.0
#: Seconds a direct answer waits for that line. Whoever waits for one is there now or never.
DIRECT_WITHIN: Final = 10.0


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
        self.direct = Outbox(user=plan.user, mandatory=False, resend=False)
        self._consuming = Consuming(plan, self.intake)
        self._publishing = Publishing(plan, self.outbox, "publish")
        self._answering = Publishing(plan, self.direct, "direct reply")
        self._answering.supervisor.longest_wait = DIRECT_WAIT
        self._answering_asked = False
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
            self._open_direct_line()
            self.direct.publish(message, done, wanted=wanted)
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
        try:
            async with asyncio.timeout(within):
                await self.outbox.empty()
                await self.direct.empty()
        except TimeoutError:
            left = len(self.outbox) + len(self.direct)
            log.warning("%d publications were not confirmed in time", left)
        self.intake.flush()
        await asyncio.gather(
            self._answering.supervisor.stop(),
            self._consuming.supervisor.stop(),
            self._publishing.supervisor.stop(),
        )

    def _open_direct_line(self) -> None:
        if not self._answering_asked:
            self._answering_asked = True
            self._answering.supervisor.begin()
        if not self.direct.attached and not len(self.direct):
            self.later(DIRECT_WITHIN, self._give_up_direct)

    def _give_up_direct(self) -> None:
        """Let go of direct answers that found no line in time; look again while others wait."""
        if self.direct.give_up(DIRECT_WITHIN):
            self.later(DIRECT_WITHIN / 4, self._give_up_direct)
