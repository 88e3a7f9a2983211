"""What becomes of every delivery, told to all who want to know: metrics, probes, log, journal."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Final

from workers.headers import REPLAY_OF
from workers.logs import log_outcome
from workers.metrics.figures import AGE, histogram
from workers.publication import aim
from workers.settling.replays import word

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.metrics.metrics import Metrics
    from workers.outcome import Answer, Delivery, Outcome
    from workers.probes.health import Health
    from workers.publication import Publication, Published
    from workers.settling.copies import Origin

#: Seconds after a copy should have been taken that none was refused again.
CLEARED_AFTER: Final = 2.0


@dataclass(frozen=True, slots=True)
class Watch:
    """What shows the service to the outside."""

    metrics: Metrics
    health: Health


class Bookkeeper:
    """Keeps the books of one worker: each delivery comes in once and goes out once."""

    def __init__(
        self,
        watch: Watch,
        origin: Origin,
        publish: Callable[[Publication, Callable[[Published], None]], None],
    ) -> None:
        self._metrics = watch.metrics
        self._health = watch.health
        self._origin = origin
        self._publish = publish
        #: Set when a leaving worker holds nothing any more; None until it leaves.
        self._empty: asyncio.Event | None = None
        #: Until when (monotonic seconds) a copy that nobody takes is told about.
        self._held_until = 0.0

    # -- told by settle, for each delivery --

    def settled(self, delivery: Delivery, outcome: Outcome, seconds: float) -> None:
        """Count a settled delivery, and log it where somebody may want to look."""
        self._metrics.settled(delivery, outcome, seconds)
        log_outcome(delivery, outcome)
        if REPLAY_OF in delivery.properties.headers:
            self._tell_of_replay(delivery, outcome)
        self._note_empty()

    def abandoned(self, delivery: Delivery) -> None:
        """Count a delivery that went back to the broker: nobody began it, or its session ended."""
        self._metrics.abandoned(delivery)
        self._note_empty()

    def undeliverable(self, answer: Answer) -> None:
        """Count an answer nobody could be given."""
        self._metrics.undeliverable(answer)

    def held(self, copy: Publication | Answer, fate: Published, seconds: float) -> None:
        """Tell probes that finished messages stay here, because nobody takes their copies."""
        self._held_until = monotonic() + seconds + CLEARED_AFTER
        self._health.held(
            f"held: {aim(copy)} does not take what we send ({fate.value}); is the "
            "topology applied (leveret topology apply), may we write there, is a queue full, is "
            "the broker's max_message_size lower than it was?",
        )

    def _tell_of_replay(self, delivery: Delivery, outcome: Outcome) -> None:
        """Tell whoever replayed it what became of it."""
        told = word(delivery, outcome, self._origin, datetime.now(UTC))
        if told is not None:
            self._publish(told, lambda _fate: None)

    # -- asked by the service --

    def clear_held(self) -> None:
        """Tell probes that copies are taken again, once none was refused for a while."""
        if monotonic() > self._held_until:
            self._health.held(None)

    async def all_settled(self, *, within: float) -> bool:
        """Wait for the work to be done and settled; return whether it is after these seconds.

        What is done and waits for room for its answer would, given back, be done again.
        """
        self._empty = asyncio.Event()
        self._note_empty()
        try:
            async with asyncio.timeout(within):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def figures(self) -> dict[str, float]:
        """Return the numbers that heartbeats tell of this worker."""
        return {
            **self._metrics.totals(),
            **histogram(self._metrics.seconds()),
            **histogram(self._metrics.ages(), AGE),
        }

    def _note_empty(self) -> None:
        if self._empty is not None and not self._metrics.in_flight:
            self._empty.set()
