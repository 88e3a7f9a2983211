"""Outcome → broker: publish the consequence, wait until it is confirmed, and only then ack.

Nothing here awaits: each step is called by the broker's answer to the one before, so that hundreds
of messages are being settled at once in no task at all. A delivery whose session ended meanwhile is
let go: the broker brings it again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, assert_never

from workers.outcome import Batched, DeadLettered, Expired, Replied, Requeued, Retried
from workers.settling.copies import Origin, dead_letter, retry_copy
from workers.settling.offers import Offers

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from workers.outcome import Delivery, Outcome
    from workers.settling.ports import Books, Broker


class Settler:
    """Carries outcomes out."""

    def __init__(
        self,
        broker: Broker,
        origin: Origin,
        books: Books,
        *,
        now: Callable[[], datetime],
        prefetch: int = 1,
    ) -> None:
        self._broker = broker
        self._origin = origin
        self._books = books
        self._now = now
        self._offers = Offers(broker, origin, books, prefetch=prefetch)

    def settle(self, delivery: Delivery, outcome: Outcome, seconds: float) -> None:
        """Begin to settle; it goes on by itself. `seconds` is what the handling took."""
        match outcome:
            case Replied():
                end = partial(self._end, delivery, outcome, seconds)
                self._offers.answer(delivery, outcome.answer, end)
            case Retried():
                copy = retry_copy(delivery, outcome, self._origin, self._now())
                self._offers.insist(delivery, copy, partial(self._end, delivery, outcome, seconds))
            case DeadLettered() | Expired():
                letter = dead_letter(delivery, outcome, self._origin, self._now())
                end = partial(self._end, delivery, outcome, seconds)
                self._offers.bury(delivery, letter, outcome.answer, end)
            case Batched():
                self._batch(delivery, outcome, seconds)
            case Requeued():
                self._broker.requeue(delivery)
                self._books.settled(delivery, outcome, seconds)
            case _:
                assert_never(outcome)

    def _batch(self, delivery: Delivery, outcome: Batched, seconds: float) -> None:
        """Publish each consequence after the one before is confirmed, then end the delivery."""
        then = partial(self._end, delivery, outcome, seconds)
        now = self._now()
        if outcome.rest is not None and isinstance(outcome.rest.outcome, Retried):
            copy = retry_copy(outcome.rest.delivery, outcome.rest.outcome, self._origin, now)
            then = partial(self._offers.insist, delivery, copy, then)
        for answer in (outcome.answer, *outcome.answers):
            if answer is not None:
                then = partial(self._offers.answer, delivery, answer, then)
        for part, end in reversed(outcome.ends):
            if isinstance(end, DeadLettered | Expired):
                letter = dead_letter(part, end, self._origin, now)
                then = partial(self._offers.bury, delivery, letter, None, then)
        then()

    def _end(self, delivery: Delivery, outcome: Outcome, seconds: float) -> None:
        if not self._broker.is_current(delivery):
            self._books.abandoned(delivery)
            return
        self._broker.ack(delivery)
        self._books.settled(delivery, outcome, seconds)
