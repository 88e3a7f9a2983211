"""Round trips: a task out, its answer back, measured by a client that costs little itself.

It consumes and publishes by the hot path, at some ten microseconds a message: a slower client would
be what is measured as soon as there is load.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from contender import ANSWERS

from workers.link.link import Link, LinkPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workers.outcome import Delivery
    from workers.publication import Publication

#: Seconds a worker may take to begin, and the last answer to come.
BEGIN_WITHIN: Final = 30.0
LAST_WITHIN: Final = 120.0
#: Answers on their way to the client.
AT_ONCE: Final = 2_000
#: Trips dropped at the beginning: imports, caches, connections.
WARM: Final = 0.1


class Latency(NamedTuple):
    """Round trips in milliseconds."""

    p50: float
    p99: float
    p999: float

    @classmethod
    def median(cls, rounds: Sequence[Latency]) -> Latency:
        """Return what is usual of several rounds, each figure by itself."""
        return cls(*map(statistics.median, zip(*rounds, strict=True)))


class Trips:
    """The trips that are under way, and how long the others took."""

    def __init__(self, url: str, *, keep: bool = True) -> None:
        plan = LinkPlan(amqp_url=url, queues={ANSWERS: AT_ONCE}, name="bench")
        self.link = Link(plan, self._heard)
        #: Seconds of each trip that ended, unless there are too many to keep.
        self.took: list[float] = []
        self._keep = keep
        #: Trips begun so far.
        self.begun = 0
        self._sent: dict[str, float] = {}
        self._few = 0
        self._back = asyncio.Event()

    @property
    def under_way(self) -> int:
        """How many trips have not ended."""
        return len(self._sent)

    def send(self, message: Publication) -> None:
        """Begin a trip."""
        self.begun += 1
        self._sent[message.correlation_id or ""] = time.perf_counter()
        self.link.publish(message, lambda _: None)

    async def all_back(self, within: float) -> None:
        """Return when nothing is under way."""
        async with asyncio.timeout(within):
            await self.fewer_than(1)

    async def fewer_than(self, count: int) -> None:
        """Return when fewer than so many trips are under way."""
        self._few = count
        while len(self._sent) >= count:
            self._back.clear()
            await self._back.wait()

    def _heard(self, delivery: Delivery) -> None:
        self.link.ack(delivery)
        began = self._sent.pop(delivery.properties.correlation_id or "", None)
        if began is not None and self._keep:
            self.took.append(time.perf_counter() - began)
        if len(self._sent) < self._few:
            self._back.set()


async def round_trips(
    url: str,
    wrap: Callable[[bytes, str], Publication],
    bodies: list[bytes],
    *,
    rate: float,
) -> Latency:
    """Send each task when the last is answered, or `rate` a second whatever comes back."""
    trips = Trips(url)
    await trips.link.start(within=BEGIN_WITHIN)
    messages = [wrap(body, f"{number:036d}") for number, body in enumerate(bodies)]
    try:
        trips.send(messages[0])
        await trips.all_back(BEGIN_WITHIN)  # the worker is there
        if rate:
            await _by_the_clock(trips, messages[1:], rate)
        else:
            for message in messages[1:]:
                trips.send(message)
                await trips.all_back(BEGIN_WITHIN)
        await trips.all_back(LAST_WITHIN)
    finally:
        await trips.link.quiet()
        await trips.link.stop(within=BEGIN_WITHIN)
    warm = sorted(trips.took[int(len(trips.took) * WARM) :])
    points = statistics.quantiles(warm, n=1_000)
    return Latency(points[499] * 1e3, points[989] * 1e3, points[998] * 1e3)


async def _by_the_clock(trips: Trips, messages: list[Publication], rate: float) -> None:
    """Send what is due each time the loop comes round, so that no trip waits for another."""
    began = time.perf_counter()
    for number, message in enumerate(messages):
        wait = began + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        trips.send(message)
