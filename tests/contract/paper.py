"""The fake with a sheet of paper: says what a broker has been seen to say."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Final, Self

from contract.recording import RecordingBroker, Timer
from contract.stage import ANSWERS, BOUND, LETTERS, WORK, Arrived, Overheard

from workers.outcome import Answer, Delivery, Properties
from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.publication import Publication
    from workers.settling.ports import Broker


#: The one direct reply-to address at which somebody listens.
DIRECT: Final = "amq.rabbitmq.reply-to.here"


class Knowing(RecordingBroker):
    """Answers by itself, in the loop's next turn, and lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.fates: dict[str, Published] = {}
        self.queues: dict[str, list[Arrived]] = defaultdict(list)

    def publish(
        self,
        message: Publication | Answer,
        done: Callable[[Published], None],
        *,
        wanted: Callable[[], bool],
    ) -> None:
        """Record a publication, and tell its fate soon."""
        super().publish(message, done, wanted=wanted)
        if len((message.correlation_id or "").encode()) > 255:
            self.pending.pop().done(Published.UNSENDABLE)  # at once: nothing is on the way
        else:
            asyncio.get_running_loop().call_soon(self._answer)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do it then."""
        super().later(seconds, act)
        asyncio.get_running_loop().call_later(seconds, self._ring, self.waiting[-1])

    def _answer(self) -> None:
        """Take the oldest publication to where it belongs, and tell its fate."""
        if not self.pending:
            return  # it was lost with its line
        message = self.pending[0].message
        fate = self._fate(message)
        if fate is Published.CONFIRMED:
            for queue in BOUND.get(message.exchange, (message.routing_key,)):
                self.queues[queue].append(_as_arrived(message))
        self.say(fate)

    def _ring(self, timer: Timer) -> None:
        self.waiting.remove(timer)
        timer.act()

    def _fate(self, message: Publication | Answer) -> Published:
        if isinstance(message, Answer) and message.direct:
            known = message.routing_key == DIRECT
            return Published.CONFIRMED if known else Published.UNKNOWN
        there = message.exchange or message.routing_key in {ANSWERS, WORK, LETTERS}
        missing = Published.CONFIRMED if there else Published.RETURNED
        return self.fates.get(message.exchange or message.routing_key, missing)


class OnPaper:
    """A stage without a broker."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self._knowing = Knowing()
        self.broker: Broker = Overheard(self._knowing, self.log)

    async def __aenter__(self) -> Self:
        """Nothing has to be made."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Nothing has to be removed."""

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
        self._knowing.bring(Delivery(body, properties, "", WORK, WORK))
        return await self.next()

    async def next(self) -> Delivery:
        """Return the next one."""
        return await asyncio.wait_for(self._knowing.coming.get(), 5)

    async def spoil(self, place: str, fate: Published) -> None:
        """Note it."""
        self._knowing.fates[place] = fate

    async def mend(self, place: str) -> None:
        """Forget it."""
        del self._knowing.fates[place]

    async def arrived(self, queue: str) -> list[Arrived]:
        """Take all of it."""
        return self._knowing.queues.pop(queue, [])

    async def end_session(self) -> None:
        """Begin another."""
        self._knowing.end_session()

    def lose_line(self) -> None:
        """Lose it."""
        self._knowing.lose_line()

    async def left(self) -> int:
        """Count what is not acked."""
        return len(self._knowing.unsettled)

    def direct_address(self) -> str:
        """Return an address that is answered."""
        return DIRECT

    async def direct_answers(self, count: int) -> list[bytes]:
        """Return what came there."""
        found = [one.body for one in self._knowing.queues.pop(DIRECT, [])]
        assert len(found) == count
        return found


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
