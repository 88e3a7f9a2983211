"""A line that publications go out on, kept alive: one outbox over as many lives as it takes."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Final

from aiormq.exceptions import AMQPChannelError, ChannelPreconditionFailed
from yarl import URL

from workers.link.chunk import close
from workers.link.connection import open_wire
from workers.link.ending import Ending, stirred
from workers.link.supervisor import Lost, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.link.connection import Wire
    from workers.link.outbox import Outbox, Waiting
    from workers.link.plan import LinkPlan

log = logging.getLogger("leveret.link")

#: Seconds a publication may wait for its confirm before the line is taken for dead. A quorum queue
#: confirms in milliseconds; after a leader's death in half a second.
CONFIRM_WITHIN: Final = 30.0
#: In the broker's words for 403 and 404. Where they change, all its messages wait with the line.
_EXCHANGE: Final = re.compile(r"exchange '([^']*)'")
#: What the broker calls the default exchange, whose name is empty.
_DEFAULT: Final = "amq.default"
#: Seconds between looks at what is left on a channel that takes nothing more.
CONFIRMED_SOON: Final = 0.02
#: Seconds between looks at the oldest unconfirmed publication.
LOOK_EVERY: Final = 1.0


class Publishing:
    """Carries an outbox; `purpose` is what the broker shows the connection as."""

    def __init__(self, plan: LinkPlan, outbox: Outbox, purpose: str) -> None:
        self._plan = plan
        self._outbox = outbox
        self._purpose = purpose
        self._name = "publishing" if purpose == "publish" else purpose
        self.supervisor = Supervisor(self._name, self._live, address=plan.address, role=plan.role)
        #: Told the exchange for which the broker closed the channel: it is gone, or not for us.
        self.refused: Callable[[str], None] = lambda _: None
        #: Given what was under way when the broker closed the channel for a message it takes from
        #: nobody; without it all of that is sent again.
        self.spoilt: Callable[[list[Waiting]], None] | None = None

    async def _live(self, begun: Callable[[], None]) -> None:
        """Live one life of the line: returns never, raises when it is over."""
        plan, outbox = self._plan, self._outbox
        wire = await open_wire(
            URL(plan.amqp_url),
            name=f"{plan.name} ({self._purpose})",
            heartbeat=plan.heartbeat,
            timeout=plan.connect_timeout,
        )
        try:
            await self._carry(wire, begun)
        except AMQPChannelError as error:
            named = _EXCHANGE.search(str(error))
            if named is not None:
                exchange = named[1].removeprefix(_DEFAULT)
                outbox.refuse(exchange)
                self.refused(exchange)
            elif isinstance(error, ChannelPreconditionFailed) and self.spoilt is not None:
                self.spoilt(outbox.suspects())
            raise
        finally:
            outbox.detach()
            await wire.close()

    async def _carry(self, wire: Wire, begun: Callable[[], None]) -> None:
        wire.frames.watch_blocked(self._outbox.block)
        await self._carry_on(wire, begun)
        while True:
            log.info(
                "%s connection: a queue goes on refusing messages; trying a fresh channel",
                self._name,
            )
            await self._carry_on(wire, lambda: None)

    async def _carry_on(self, wire: Wire, begun: Callable[[], None]) -> None:
        """Carry the outbox on one channel; returns, all confirmed, when another is worth a try."""
        outbox = self._outbox
        stir = asyncio.Event()
        channel = await wire.channel(confirms=True)
        over = Ending(wire, channel, stir)
        outbox.attach(wire, channel.number)
        begun()
        while not outbox.renewal.due or outbox.blocked:
            over.check()
            if not await stirred(stir, LOOK_EVERY) and outbox.oldest() > CONFIRM_WITHIN:
                wire.abort(f"no confirm came for {CONFIRM_WITHIN:g} s")
                raise Lost(wire.why)
        outbox.retire()
        while outbox.blocked or (outbox.under_way and outbox.oldest() < CONFIRM_WITHIN):
            over.check()
            await stirred(stir, CONFIRMED_SOON)
        over.check()
        outbox.detach()
        await close(channel)
