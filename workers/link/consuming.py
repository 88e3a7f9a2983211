"""The line that deliveries come in on: its consumers, and whether they truly get anything.

The first consumers of a process are careful ones, with a small prefetch: when the worker before us
was killed by one of the messages, its neighbours come again together with it, and each time the
broker counts all of them. Once what came back is done, the full prefetch follows.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from yarl import URL

from workers.link.connection import open_wire
from workers.link.consumers import Consumers
from workers.link.ending import Ending, stirred
from workers.link.silence import Silence, Stale
from workers.link.supervisor import LOST, Lost, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.link.connection import Wire
    from workers.link.ear import Ear
    from workers.link.intake import Intake
    from workers.link.plan import LinkPlan

log = logging.getLogger("leveret.link")

#: Seconds the broker may take to confirm that no more deliveries come.
QUIET_WITHIN: Final = 5.0
#: The share of the prefetch that careful consumers take.
CAREFUL_SHARE: Final = 10
#: Seconds between looks whether there is still reason to be careful, and the longest to be so.
LOOK_WHILE_CAREFUL: Final = 0.25
LONGEST_CAREFUL: Final = 30.0
#: Seconds between looks at queues that bring nothing.
LOOK_EVERY: Final = 5.0


class _Life(NamedTuple):
    """One channel's life."""

    wire: Wire
    over: Ending
    silence: Silence
    consumers: Consumers


class Consuming:
    """Consumes the plan's queues into an intake, life after life, until told to be quiet."""

    def __init__(self, plan: LinkPlan, intake: Intake) -> None:
        self._plan = plan
        self._intake = intake
        self.supervisor = Supervisor("consuming", self._live, address=plan.address, role=plan.role)
        #: What hears operators beside the work, on the same connection.
        self.ear: Ear | None = None
        #: Something happened that the line must look at.
        self._stir = asyncio.Event()
        self._wanted = True
        #: Numbers the consumers that were made.
        self._turns = itertools.count(1)
        self._careful_until = 0.0 if plan.careful else -1.0
        #: Set while the broker has no consumer of ours.
        self._idle = asyncio.Event()
        self._idle.set()

    async def pause(self) -> None:
        """Take no more deliveries until `resume`; returns when none will come, in 5 s at most."""
        self._wanted = False
        self._stir.set()
        try:
            async with asyncio.timeout(QUIET_WITHIN):
                await self._idle.wait()
        except TimeoutError:
            log.warning("the broker did not confirm that no more messages come")
            self._intake.shut()

    def resume(self) -> None:
        """Take deliveries again."""
        self._intake.open()
        self._wanted = True
        self._stir.set()

    async def quiet(self) -> None:
        """Take no more deliveries ever; returns when none will come, in 5 s at most."""
        self.supervisor.finish()
        await self.pause()

    # -- one life of the line: returns never, raises when it is over --

    async def _live(self, begun: Callable[[], None]) -> None:
        plan = self._plan
        wire = await open_wire(
            URL(plan.amqp_url),
            name=f"{plan.name} (consume)",
            heartbeat=plan.heartbeat,
            timeout=plan.connect_timeout,
        )
        try:
            await self._serve(wire, begun)
            while True:  # on a fresh channel each time
                await self._serve(wire, _go_on)
        except LOST as error:
            if wire.why:  # whatever the library called it
                raise Lost(wire.why) from error
            raise
        finally:
            self._intake.detach()
            self._idle.set()
            await wire.close()

    async def _serve(self, wire: Wire, begun: Callable[[], None]) -> None:
        """Consume on one channel; returns once nothing has happened on it for long."""
        channel = await wire.channel(confirms=False)
        silence = Silence(wire, self._intake, self._plan)
        consumers = Consumers(channel, self._plan, self._intake, self._turns)
        life = _Life(wire, Ending(wire, channel, self._stir), silence, consumers)
        self._intake.attach(wire, channel.number)
        while True:
            try:
                async with life.over.heeded():
                    await self._keep_consuming(life, begun)
            except Stale:
                async with life.over.heeded():
                    await self._rest(life)
                if not self._intake.in_hand:  # else it came at the last moment
                    break
            begun = _go_on
        self._intake.flush()
        self._intake.detach()
        await channel.close()
        await silence.close()

    async def _keep_consuming(self, life: _Life, begun: Callable[[], None]) -> None:
        """Have the consumers that are wanted; raises when the channel is over, or Stale."""
        while True:
            self._stir.clear()
            life.over.check()
            share = self._share()
            if share:
                self._idle.clear()
                whole = await life.consumers.have(share)
            else:
                await self._rest(life)
                whole = True
            begun()
            begun = _go_on
            if self.ear is not None:
                await self.ear.attend(life.wire, self._stir)
            soon = share > 1 or not whole
            stirred_up = await stirred(self._stir, LOOK_WHILE_CAREFUL if soon else LOOK_EVERY)
            if not stirred_up and share == 1:
                await life.silence.look()

    async def _rest(self, life: _Life) -> None:
        """Have no consumer, and nothing unsettled that came too late to be taken."""
        await life.consumers.none()
        self._intake.give_back()
        self._idle.set()

    def _share(self) -> int:
        """Return which part of the prefetch to consume with: 1 is all of it, 0 nothing at all."""
        if not self._wanted:
            return 0
        if self._careful_until < 0:
            return 1
        now = time.monotonic()
        if not self._careful_until:
            self._careful_until = now + LONGEST_CAREFUL
        elif self._intake.is_over_redelivered or now > self._careful_until:
            self._careful_until = -1.0
            return 1
        return CAREFUL_SHARE


def _go_on() -> None:
    """Tell nobody: the line was never lost."""
