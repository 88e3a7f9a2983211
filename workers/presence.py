"""Replicas say that they are there, and anybody may listen: heartbeats out, a view of them in."""

from __future__ import annotations

import asyncio
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from messages import (
    AgentMetadata,
    AgentRole,
    Catalog,
    Envelope,
    HeartbeatPayload,
    InvalidMessage,
    encode,
)
from topology import Names
from workers.metrics.figures import COUNTERS, grown
from workers.publication import Publication, Published

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workers.link.link import Link
    from workers.registry import Registry
    from workers.settings import Settings

#: Heartbeats missed before a replica counts as gone.
MISSED: Final = 3
#: Types told in a heartbeat; a registry with more is told in part.
MOST_TYPES: Final = 100


def leveret_version() -> str:
    """Return the installed version."""
    try:
        return version("leveret")
    except PackageNotFoundError:  # run from a tree that is not installed
        return "0"


def describe(settings: Settings, registry: Registry, *, load_factor: float) -> AgentMetadata:
    """Return this worker as an agent: what it may do, how busy it is, what it takes."""
    accepts = sorted({route.message_type for route in registry.routes})[:MOST_TYPES]
    return AgentMetadata(
        agent_id=settings.agent_id,
        role=AgentRole.WORKER,
        capabilities=("task_execution",),
        load_factor=load_factor,
        max_concurrent_tasks=min(settings.prefetch_of(settings.group), 1000),
        group=settings.group,
        version=leveret_version(),
        accepts=accepts,
        tasks=list(registry.task_types[:MOST_TYPES]),
    )


class Presence:
    """Publishes this worker's heartbeat every few seconds, as long as it lives."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        link: Link,
        busy: Callable[[], int],
        figures: Callable[[], Mapping[str, float]],
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._link = link
        self._busy = busy
        self._figures = figures
        self._exchange = Names(settings.prefix).heartbeats
        self._prefetch = settings.prefetch_of(settings.group)
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start saying so."""
        self._task = asyncio.create_task(self._say_so(), name="presence")

    async def stop(self) -> None:
        """Fall silent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _say_so(self) -> None:
        while True:
            # One that nobody hears is not missed: a newer one follows.
            outbox = self._link.outbox
            if outbox.attached and not outbox.blocked and len(outbox) < self._prefetch:
                self._link.publish(self._heartbeat(), _whatever)
            await asyncio.sleep(self._settings.heartbeat_interval)

    def _heartbeat(self) -> Publication:
        busy = self._busy()
        load = min(1.0, busy / self._prefetch)
        agent = describe(self._settings, self._registry, load_factor=load)
        payload = HeartbeatPayload(agent_status=agent, metrics={**self._figures(), "busy": busy})
        envelope = Envelope(
            message_type=payload.message_type,
            payload=payload,
            source_agent=agent,
        )
        return Publication(self._exchange, agent.agent_id, encode(envelope), type="heartbeat")


def _whatever(_fate: Published) -> None:
    """Do nothing: nobody need be listening."""


class Replica(NamedTuple):
    """One worker as its last heartbeat told it."""

    agent: AgentMetadata
    #: Monotonic seconds of the last heartbeat.
    seen: float
    #: Its counters, as `workers.metrics.figures` reads them.
    figures: Mapping[str, float] = {}
    #: By how much they have grown since the heartbeat before, and in a second of that time.
    recent: Mapping[str, float] = {}
    rates: Mapping[str, float] = {}

    @property
    def state(self) -> str:
        """Whether it takes messages: `serving`, `paused` or `not ready`."""
        if self.figures.get("paused"):
            return "paused"
        return "serving" if self.figures.get("ready", 1.0) else "not ready"

    def told(self, name: str, otherwise: object = "") -> Any:
        """Return something that the agent says of itself beyond the protocol, `group` perhaps."""
        return (self.agent.model_extra or {}).get(name, otherwise)


def _after(before: Replica | None, now: Replica) -> Replica:
    """Return a heartbeat with what has grown since the one before it."""
    if before is None or now.seen <= before.seen:
        return now
    recent = grown(now.figures, before.figures)
    apart = now.seen - before.seen
    rates = {name: recent.get(name, 0.0) / apart for name in COUNTERS}
    return now._replace(recent=recent, rates=rates)


class Roster:
    """Who is there, from the heartbeats handed in; forgets whoever has fallen silent."""

    def __init__(self, *, interval: float, clock: Callable[[], float]) -> None:
        self._gone_after = interval * MISSED
        self._clock = clock
        self._replicas: dict[str, Replica] = {}
        self._catalog = Catalog((HeartbeatPayload,))

    def heard(self, body: bytes) -> None:
        """Take a heartbeat; anything else is left alone."""
        try:
            payload = self._catalog.decode(body).payload
        except InvalidMessage:
            return
        if isinstance(payload, HeartbeatPayload):
            agent = payload.agent_status
            self._replicas[agent.agent_id] = _after(
                self._replicas.get(agent.agent_id),
                Replica(agent, self._clock(), payload.metrics),
            )

    def present(self) -> tuple[Replica, ...]:
        """Return those heard of lately, by name."""
        oldest = self._clock() - self._gone_after
        self._replicas = {k: r for k, r in self._replicas.items() if r.seen >= oldest}
        return tuple(self._replicas[name] for name in sorted(self._replicas))
