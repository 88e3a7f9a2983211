"""Whether a queue that has messages has stopped bringing them, without a word from the broker.

A quorum queue that is deleted and made again at once leaves its consumers in the air: RabbitMQ 3.10
counts them, sends no cancel, and takes messages out for them that it never sends, until their
channel is closed. Nothing that AMQP can ask shows it before the prefetch is used up. So a channel
on which nothing happens at all is opened anew from time to time, which costs nobody anything.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from workers.link.connection import ANSWER_WITHIN
from workers.link.supervisor import Lost

if TYPE_CHECKING:
    from aiormq.abc import AbstractChannel

    from workers.link.connection import Wire
    from workers.link.intake import Intake
    from workers.link.plan import LinkPlan

#: Looks in a row that must show messages waiting and none coming. At one alone a message may just
#: have been on its way to us, or to another replica.
STRIKES: Final = 3
#: Seconds without a delivery, and with none in hand, after which the channel is opened anew.
RENEW_AFTER: Final = 60.0


class Stale(Exception):
    """Nothing has happened on the channel for so long that a fresh one is safer."""


class Silence:
    """Looks at the queues of one channel."""

    def __init__(self, wire: Wire, intake: Intake, plan: LinkPlan) -> None:
        self._wire = wire
        self._intake = intake
        # A stream keeps what it has delivered, so its depth says nothing.
        self._queues = {q: most for q, most in plan.queues.items() if q not in plan.arguments}
        self._came = dict.fromkeys(self._queues, -1)
        self._strikes = dict.fromkeys(self._queues, 0)
        self._renews = plan.careful
        self._total = 0
        self._since = time.monotonic()
        #: Its own, because asking for a queue that is gone costs the channel.
        self._channel: AbstractChannel | None = None

    async def look(self) -> None:
        """Raise Lost where a queue has messages for us at several looks and brings none.

        Raises Stale where nothing at all came for long and nothing is in hand.
        """
        self._refuse_stale()
        for queue, most in self._queues.items():
            came = self._intake.came[queue]
            moved, self._came[queue] = came != self._came[queue], came
            if moved or came - self._intake.settled[queue] >= most or not await self._depth(queue):
                self._strikes[queue] = 0
                continue
            self._strikes[queue] += 1
            if self._strikes[queue] >= STRIKES:
                raise Lost(f"{queue} has messages and brings none; consuming it anew")

    async def close(self) -> None:
        """Close the channel that the looking took."""
        if self._channel is not None:
            await self._channel.close()

    def _refuse_stale(self) -> None:
        now, total = time.monotonic(), sum(self._intake.came.values())
        if total != self._total or self._intake.in_hand:
            self._total, self._since = total, now
        elif self._renews and now - self._since > RENEW_AFTER:
            raise Stale

    async def _depth(self, queue: str) -> int:
        if self._channel is None:
            self._channel = await self._wire.channel(confirms=False)
        found = await self._channel.queue_declare(queue, passive=True, timeout=ANSWER_WITHIN)
        return found.message_count or 0
