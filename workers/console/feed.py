"""Looks at the broker every two seconds, remembers some minutes, wakes whoever has a page open."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from topology import TopologyError
from workers.console.live import Listeners
from workers.link.cancelling import cancelled, heed
from workers.link.supervisor import LinkError
from workers.presence.watching import Picture, Watching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers.settings import Settings

#: Seconds between two looks; a heartbeat comes every five.
EVERY: Final = 2.0
#: Looks remembered: five minutes.
REMEMBERED: Final = 150
#: Seconds between two tries to reach a broker that is away.
TRY_EVERY: Final = 3.0
#: Seconds of trouble after which listening begins anew: our queue of heartbeats, which nobody
#: listened to, is gone by then.
ANEW_AFTER: Final = 40.0
#: Seconds in which all lines to the broker are closed, each in its own time.
LONGEST_FAREWELL: Final = 30.0
#: What a line on a chart is made of, by name.
Figures = dict[str, float | None]


class Feed:
    """What the broker and the replicas said, as far as pages need it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self.listeners = Listeners()
        #: The newest that was seen; None until there is any.
        self.picture: Picture | None = None
        #: Monotonic seconds of the last look that saw the broker.
        self.seen = 0.0
        #: Why it cannot be seen now; empty while it can.
        self.trouble = ""
        self.past: deque[Figures] = deque(maxlen=REMEMBERED)

    @property
    def depths(self) -> Mapping[str, tuple[int, int]]:
        """Messages and consumers of each queue; empty where nobody knows."""
        return (self.picture.queues or {}) if self.picture else {}

    def begin(self) -> None:
        """Start looking."""
        self._task = asyncio.create_task(self._look_on(), name="console feed")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            await cancelled(self._task, again_after=LONGEST_FAREWELL)

    async def _look_on(self) -> None:
        while True:
            try:
                async with Watching(self._settings) as watching:
                    await self._while_it_goes(watching)
            except (LinkError, TopologyError) as error:
                self._took(None, str(error))
            heed()
            await asyncio.sleep(TRY_EVERY)

    async def _while_it_goes(self, watching: Watching) -> None:
        good = time.monotonic()
        while time.monotonic() - good < ANEW_AFTER:
            picture = await watching.look()
            self._took(picture, picture.trouble)
            if not picture.trouble:
                good = time.monotonic()
            heed()
            await asyncio.sleep(EVERY)

    def _took(self, picture: Picture | None, trouble: str) -> None:
        self.trouble = trouble
        if picture is not None and picture.queues is not None:
            self.picture, self.seen = picture, time.monotonic()
        self.past.append(figures(picture) if picture is not None and not trouble else {})
        self.listeners.wake()


def figures(picture: Picture) -> Figures:
    """Return the numbers that charts draw."""
    rates, queues = picture.rates, picture.queues or {}
    return {
        "done": sum(rates.get(name, 0.0) for name in ("replied", "dead_lettered", "expired")),
        "p99": picture.p99,
        "age": picture.age_p99,
        "in_flight": picture.totals.get("in_flight", 0.0),
        "waiting": float(sum(one.messages for name, one in queues.items() if ".work." in name)),
        "retried": rates.get("retried", 0.0),
        "dead": rates.get("dead_lettered", 0.0) + rates.get("expired", 0.0),
        "open": None if picture.dead_letters is None else float(picture.dead_letters),
    }
