"""Takes every open letter of one queue in hand, and gives back what nobody acted on.

Nothing is acked but what the caller acks: whatever ends a scan, the broker has the rest again. One
scan at a time: who scans holds an exclusive queue, which dies with the connection that holds the
letters. (Quorum queues take no notice of exclusive consumers.)
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

from yarl import URL

from topology import TopologyError
from workers.link.connection import ANSWER_WITHIN, open_wire
from workers.link.desk import refusal
from workers.link.hand import Hand
from workers.link.looking import safe_to_look
from workers.link.supervisor import LOST, Lost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from aiormq.abc import AbstractChannel

    from workers.link.connection import Wire
    from workers.link.desk import Desk
    from workers.outcome import Delivery

log = logging.getLogger("leveret.deadletters")

#: Letters one consumer may hold; AMQP has no larger prefetch.
MOST_AT_ONCE: Final = 65_535
#: Seconds for letters given back to be in the queue again; 100,000 took RabbitMQ 3.10 3.3 s.
BACK_WITHIN: Final = 20.0
#: Seconds until the second look whether they are, doubled up to the longest.
FIRST_LOOK: Final = 0.002
LONGEST_LOOK: Final = 0.1
#: Seconds in which RabbitMQ 4 counts a consumer of a quorum queue that has just come, and between
#: two looks whether it has.
COUNTED_WITHIN: Final = 2.0
COUNT_AGAIN: Final = 0.1
#: Seconds between two signs of life on the connection.
HEARTBEAT: Final = 15


class Scan:
    """All letters that were ready when reading began, in the queue's order; lent by `scanning`."""

    def __init__(self, desk: Desk, wire: Wire, channel: AbstractChannel) -> None:
        self._desk = desk
        self._wire = wire
        #: Owns the lock, and is asked how many letters are ready.
        self._channel = channel
        self._hands: list[Hand] = []
        #: Hands of earlier readings, closed.
        self._let_go = 0
        #: Letters that were ready when reading began.
        self.ready = 0
        #: What a person should do about the queue; empty if nothing.
        self.warning = ""
        #: Whether all that was ready came; another program may hold some.
        self.complete = False

    async def read(
        self,
        take: Callable[[Delivery], None],
        *,
        at_once: int = MOST_AT_ONCE,
        go_on: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """Show each letter to `take`, once and oldest first; it must not raise.

        What an earlier reading held and did not ack goes back first.

        With `at_once` the broker sends that many, then `go_on` is awaited, and if it is true the
        next come: so a caller that keeps bodies keeps few.
        """
        await self.give_back()
        with told(self._desk):
            self.ready = await self._ready()
            self.complete = self.ready == 0
            while not self.complete:
                # No more than were ready: a letter that comes back must not be read again.
                size = min(at_once, self.ready - self._came)
                hand = await self._free_hand()
                full = await hand.grasp(size, take)
                self.complete = self._came >= self.ready
                if not full:
                    return
                if go_on is not None and not await go_on():
                    return

    def ack(self, delivery: Delivery) -> bool:
        """Remove a letter for good; False when it is too late: the broker has it again."""
        number = delivery.session - self._let_go
        hand = self._hands[number] if number >= 0 else None
        if hand is None or not hand.is_open:
            return False
        hand.ack(delivery)
        return True

    async def give_back(self) -> None:
        """Give back what was not acked, in order; returns when the queue shows it again."""
        if not self._wire.is_open:
            return
        with told(self._desk):
            owed = 0
            for hand in self._hands:
                if hand.is_open:
                    owed += await hand.close()
                    await self._until_back(owed)
            self._let_go += len(self._hands)
            self._hands.clear()

    async def depth(self) -> int:
        """Return how many letters are ready now."""
        with told(self._desk):
            return await self._ready()

    async def is_consumed(self, queue: str) -> bool:
        """Return whether somebody takes from a queue; raises LinkError where there is none."""
        until = time.monotonic() + COUNTED_WITHIN
        with told(self._desk):
            channel = await self._wire.channel(confirms=False)
            while True:
                found = await channel.queue_declare(queue, passive=True, timeout=ANSWER_WITHIN)
                if found.consumer_count or time.monotonic() > until:
                    break
                await asyncio.sleep(COUNT_AGAIN)
            await channel.close()
        return bool(found.consumer_count)

    @property
    def _came(self) -> int:
        return sum(hand.came for hand in self._hands)

    async def _free_hand(self) -> Hand:
        """Return the hand that takes the next letters: one after the other, to keep their order."""
        if not self._hands or self._hands[-1].is_full:
            channel = await self._wire.channel(confirms=False)
            number = self._let_go + len(self._hands)
            self._hands.append(Hand(self._wire, channel, self._desk.queue, session=number))
        return self._hands[-1]

    async def _until_back(self, owed: int) -> None:
        give_up = time.monotonic() + BACK_WITHIN
        wait = FIRST_LOOK
        while await self._ready() < owed:
            if time.monotonic() > give_up:
                log.warning("%s does not yet show all letters given back", self._desk.queue)
                return
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_LOOK)

    async def _ready(self) -> int:
        queue = await self._channel.queue_declare(
            self._desk.queue,
            passive=True,
            timeout=ANSWER_WITHIN,
        )
        return queue.message_count or 0


@asynccontextmanager
async def scanning(desk: Desk) -> AsyncIterator[Scan]:
    """Lend a scan; on the way out, whatever the way, all that was not acked goes back.

    Raises ScanRefused while another scan runs, and LinkError where the letters cannot be had.
    """
    with told(desk):
        wire = await open_wire(
            URL(desk.amqp_url),
            name="leveret dead letters",
            heartbeat=HEARTBEAT,
            timeout=desk.connect_timeout,
        )
    try:
        with told(desk):
            channel = await wire.channel(confirms=False)
            await channel.queue_declare(
                desk.lock,
                exclusive=True,
                auto_delete=True,
                timeout=ANSWER_WITHIN,
            )
            scan = Scan(desk, wire, channel)
            scan.warning = await safe_to_look(wire.connection, desk)
        try:
            yield scan
        finally:
            await scan.give_back()
    finally:
        await wire.close()


@contextmanager
def told(desk: Desk) -> Iterator[None]:
    """Turn what the client raises into what a person can act on."""
    try:
        yield
    except (*LOST, TopologyError) as error:
        raise refusal(error, desk) from error
    except asyncio.CancelledError:
        # aiormq cancels whoever waits on a connection that closes; only a cancellation of this very
        # task is meant for us.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise refusal(Lost("the connection closed"), desk) from None
