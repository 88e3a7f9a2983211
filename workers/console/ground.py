"""What is at the broker and what should be, looked at no more often than pages need."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from topology import TopologyError, plan
from topology.apply import broker_version, look
from workers.link.ground import connected, wanted
from workers.link.supervisor import LinkError

if TYPE_CHECKING:
    from topology import Plan, Topology
    from workers.settings import Settings

#: Seconds a look stays good: each asks the broker a few dozen questions.
GOOD_FOR: Final = 10.0


class Ground(NamedTuple):
    """What a look found; without a topology nothing could be seen."""

    topology: Topology | None
    plan: Plan | None
    version: str
    #: Why nothing could be seen, and what to do.
    trouble: str


class Looking:
    """Looks at the broker; everybody who asks meanwhile gets the same look."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._last: Ground | None = None
        self._until = 0.0

    async def look(self) -> Ground:
        """Return what is there; raises nothing."""
        async with self._lock:
            if self._last is None or time.monotonic() > self._until:
                self._last = await self._look()
                self._until = time.monotonic() + GOOD_FOR
            return self._last

    async def _look(self) -> Ground:
        try:
            async with connected(self._settings) as connection:
                topology = wanted(self._settings, connection)
                found = await look(connection, topology)
                version = str(broker_version(connection))
                return Ground(topology, plan(topology, found), version, "")
        except (LinkError, TopologyError) as error:
            return Ground(None, None, "", str(error))
