"""The consumers on one channel: one a queue, with as much prefetch as nothing else takes up.

The broker counts for each consumer by itself. What a cancelled one left with us is on top of what
its successor gets, so the successor asks for that much less - and for the whole later on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workers.link.connection import ANSWER_WITHIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiormq.abc import AbstractChannel

    from workers.link.intake import Intake
    from workers.link.plan import LinkPlan


class _Live(NamedTuple):
    """One consumer at the broker."""

    tag: str
    #: Its prefetch.
    given: int
    #: The last delivery that came before it.
    behind: int


class Consumers:
    """Has a consumer for each of the plan's queues."""

    def __init__(
        self, channel: AbstractChannel, plan: LinkPlan, intake: Intake, turns: Iterator[int]
    ) -> None:
        self._channel = channel
        self._plan = plan
        self._intake = intake
        self._turns = turns
        self._live: dict[str, _Live] = {}

    async def have(self, share: int) -> bool:
        """Consume with this part of the prefetch; return whether each queue has all of its part.

        Where it has not, because deliveries are in hand that came before, call it again later.
        """
        wanted = {queue: max(1, all_ // share) for queue, all_ in self._plan.queues.items()}
        for queue, most in wanted.items():
            await self._have(queue, most)
        return all(queue in self._live for queue in wanted)

    async def none(self) -> None:
        """Have no consumer any more."""
        while self._live:
            await self._cancel(next(iter(self._live)))

    async def _have(self, queue: str, wanted: int) -> None:
        live = self._live.get(queue)
        if live is not None:
            if not self._is_worth_it(queue, live, wanted):
                return
            await self._cancel(queue)
        given = wanted - self._intake.in_hand_of(queue)
        if given > 0:
            await self._consume(queue, given)

    def _is_worth_it(self, queue: str, live: _Live, wanted: int) -> bool:
        """Return whether a fresh consumer would get more: the live one's deliveries will count."""
        if live.given >= wanted:
            return False
        if not self._intake.in_hand_of(queue):
            return True
        return live.given * 2 < wanted and self._intake.is_settled_up_to(live.behind)

    async def _consume(self, queue: str, given: int) -> None:
        turn = next(self._turns)
        tag = next(tag for tag, (name, _) in self._plan.consumers(turn) if name == queue)
        self._intake.expect(tag, queue)
        # Holds for the next consumer on the channel.
        await self._channel.basic_qos(prefetch_count=given, timeout=ANSWER_WITHIN)
        behind = self._intake.came_in_all
        await self._channel.basic_consume(
            queue,
            _never,
            consumer_tag=tag,
            arguments=dict(self._plan.arguments.get(queue, {})),
            timeout=ANSWER_WITHIN,
        )
        self._live[queue] = _Live(tag, given, behind)

    async def _cancel(self, queue: str) -> None:
        await self._channel.basic_cancel(self._live[queue].tag, timeout=ANSWER_WITHIN)
        del self._live[queue]


async def _never(_message: object) -> None:
    """Stand where aio-pika wants a callback; the tap takes every delivery before it gets there."""
    raise AssertionError("a delivery passed the tap")
