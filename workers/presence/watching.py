"""How it stands now: who is there, what waits, how quickly it goes. For `top` and the console.

Replicas speak for themselves in heartbeats; queues are asked for their depth. Nothing is scraped,
and the operator's role is enough.
"""

from __future__ import annotations

from collections import deque
from contextlib import AsyncExitStack
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from topology import Names, TopologyError
from topology.apply import Depth, depths
from workers import headers
from workers.link.client import Client
from workers.link.ground import connected, wanted
from workers.link.supervisor import LinkError
from workers.metrics.figures import AGE, quantile, together
from workers.presence.roster import Replica, Roster

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from aio_pika import Connection

    from topology import Topology
    from workers.outcome import Delivery
    from workers.settings import Settings

#: The newest dead letters that are remembered.
MOST_LETTERS: Final = 20


class NewLetter(NamedTuple):
    """A dead letter that came while somebody watched."""

    id: str
    error_code: str
    message_type: str
    #: Monotonic seconds.
    seen: float


class Picture(NamedTuple):
    """Everything at one moment."""

    replicas: tuple[Replica, ...]
    #: By queue; None where the broker could not be asked.
    queues: Mapping[str, Depth] | None
    #: Open dead letters of all groups; None where the broker could not be asked.
    dead_letters: int | None
    #: Counters of all replicas together, since each one's start.
    totals: Mapping[str, float]
    #: By how much each counter grows in a second, by the two last heartbeats of each replica.
    rates: Mapping[str, float]
    #: Seconds within which half, and nearly all, deliveries were handled lately.
    p50: float | None
    p99: float | None
    #: Newest first, since the watching began.
    letters: tuple[NewLetter, ...]
    #: Consumers of the groups' ordinary work: as many replicas should be there.
    workers: int = 0
    #: Why the broker could not be asked; empty where it could.
    trouble: str = ""
    #: As p50 and p99, from when they were sent until they were done.
    age_p50: float | None = None
    age_p99: float | None = None


class Watching:
    """Listens while its context is open; `look` tells how it stands."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._names = Names(settings.prefix)
        self._roster = Roster(interval=settings.heartbeat_interval, clock=monotonic)
        self._letters: deque[NewLetter] = deque(maxlen=MOST_LETTERS)
        self._work = [self._names.work(group.name) for group in settings.group_specs()]
        url = settings.amqp_url
        self._client = Client(
            url.get_secret_value() if url else "",
            self._names,
            heard=self._heard,
            connect_timeout=settings.connect_timeout,
            watching=True,
            operator=True,
        )
        self._line: AsyncExitStack | None = None
        self._connection: Connection | None = None
        self._topology: Topology | None = None

    async def __aenter__(self) -> Self:
        """Connect and listen; raises LinkError or TopologyError when that cannot be."""
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._disconnect)
            await self._connect()
            await self._client.__aenter__()
            undo.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Listen no more."""
        await self._client.__aexit__(kind, error, trace)
        await self._disconnect()

    async def look(self) -> Picture:
        """Return how it stands now; what the broker does not tell is None."""
        queues, trouble = await self._depths()
        replicas = self._roster.present()
        recent = together([one.recent for one in replicas])
        totals = together([one.figures for one in replicas])
        known = queues or {}
        dead = f"{self._names.dead}."
        open_ = [
            depth.messages
            for name, depth in known.items()
            if name.startswith(dead) and name != self._names.journal
        ]
        handled = recent if quantile(0.5, recent) is not None else totals
        return Picture(
            replicas=replicas,
            queues=queues,
            dead_letters=None if queues is None else sum(open_),
            totals=totals,
            rates=together([one.rates for one in replicas]),
            p50=quantile(0.5, handled),
            p99=quantile(0.99, handled),
            age_p50=quantile(0.5, handled, AGE),
            age_p99=quantile(0.99, handled, AGE),
            letters=tuple(reversed(self._letters)),
            workers=sum(depth.consumers for name, depth in known.items() if name in self._work),
            trouble=trouble,
        )

    def _heard(self, delivery: Delivery) -> None:
        if delivery.queue == self._client.heartbeats:
            self._roster.heard(delivery.body)
        elif delivery.queue == self._names.journal and headers.ERROR_CODE in (
            told := delivery.properties.headers
        ):
            self._letters.append(
                NewLetter(
                    str(told.get(headers.ID, "")),
                    str(told[headers.ERROR_CODE]),
                    delivery.properties.type or "unknown",
                    monotonic(),
                )
            )

    async def _depths(self) -> tuple[Mapping[str, Depth] | None, str]:
        try:
            if self._connection is None:
                await self._connect()
            assert self._connection is not None  # noqa: S101 - _connect raises otherwise
            assert self._topology is not None  # noqa: S101 - likewise
            names = [queue.name for queue in self._topology.queues]
            return await depths(self._connection, names), ""
        except (LinkError, TopologyError) as error:
            await self._disconnect()  # the next look tries anew
            return None, str(error)

    async def _connect(self) -> None:
        self._line = AsyncExitStack()
        self._connection = await self._line.enter_async_context(connected(self._settings))
        self._topology = wanted(self._settings, self._connection)

    async def _disconnect(self) -> None:
        line, self._line, self._connection = self._line, None, None
        if line is not None:
            await line.aclose()
