"""A line to publish on by hand: each message goes out at most once, and its fate is told.

Unlike a worker's, this line is not mended: when it ends, what is unconfirmed is unknown, and who
sent it decides by looking.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from yarl import URL

from workers.link.connection import open_wire
from workers.link.outbox import Outbox
from workers.link.scan import HEARTBEAT, told
from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiormq.abc import AbstractChannel

    from workers.link.connection import Wire
    from workers.link.desk import Desk
    from workers.link.outbox import Done
    from workers.publication import Publication

#: Seconds a publication may wait for its confirm; a quorum queue takes milliseconds, after its
#: leader's death half a second.
CONFIRM_WITHIN: Final = 30.0
#: Seconds between looks at the oldest unconfirmed publication.
LOOK_EVERY: Final = 0.5


class Sender:
    """Publishes with confirms; lent by `sending`."""

    def __init__(self, wire: Wire, channel: AbstractChannel, desk: Desk) -> None:
        self._wire = wire
        self._outbox = Outbox(user=desk.user, resend=False)
        self._pending: dict[int, Done] = {}
        self._posted = 0
        #: Why nothing can be sent any more; empty while it can.
        self.ended = ""
        wire.frames.watch_blocked(self._outbox.block)
        self._outbox.attach(wire, channel.number)
        channel.closing.add_done_callback(self._closed)

    def post(self, message: Publication, done: Done) -> None:
        """Send a message; `done` is called once with its fate, at the latest by `idle`."""
        if self.ended:
            done(Published.UNKNOWN)
            return
        self._posted += 1
        self._pending[self._posted] = done
        self._outbox.publish(message, partial(self._tell, self._posted))

    async def idle(self) -> None:
        """Return when the fate of all that was posted is told.

        That takes 30 s at most, and as long as that again where the broker is in alarm meanwhile.
        """
        while not self.ended:
            try:
                async with asyncio.timeout(LOOK_EVERY):
                    await self._outbox.empty()
                    return
            except TimeoutError:
                # Whoever posts a replay sits before it: an alarm may last for hours.
                if max(self._outbox.oldest(), self._outbox.held()) > CONFIRM_WITHIN:
                    self._give_up()

    def end(self, why: str) -> None:
        """Send nothing more; what is unconfirmed is told as unknown."""
        if not self.ended:
            self.ended = why
            self._outbox.detach()
            for number in tuple(self._pending):
                self._tell(number, Published.UNKNOWN)

    def _tell(self, number: int, fate: Published) -> None:
        done = self._pending.pop(number, None)
        if done is not None:
            done(fate)

    def _give_up(self) -> None:
        blocked = self._outbox.blocked
        self.end(
            "the broker is in alarm (memory or disk: rabbitmq-diagnostics alarms) and takes nothing"
            if blocked
            else f"the broker confirmed nothing for {CONFIRM_WITHIN:g} s"
        )
        # So that nothing of it is delivered after we said that its fate is unknown.
        self._wire.abort(self.ended)

    def _closed(self, closing: asyncio.Future[object]) -> None:
        error = None if closing.cancelled() else closing.exception()
        self.end(f"the broker ended the line: {error}" if error else "the line was closed")


@asynccontextmanager
async def sending(desk: Desk) -> AsyncIterator[Sender]:
    """Lend a sender; raises LinkError when the broker cannot be used."""
    with told(desk):
        wire = await open_wire(
            URL(desk.amqp_url),
            name="leveret replay",
            heartbeat=HEARTBEAT,
            timeout=desk.connect_timeout,
        )
    try:
        with told(desk):
            channel = await wire.channel(confirms=True)
        sender = Sender(wire, channel, desk)
        try:
            yield sender
        finally:
            sender.end("it is done")
    finally:
        await wire.close()
