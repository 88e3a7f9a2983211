"""A replica says that it is there, every few seconds: who it is, what it takes, its figures."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from messages import AgentMetadata, AgentRole, Envelope, HeartbeatPayload, encode
from topology import Names
from workers.publication import Publication, Published
from workers.version import leveret_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workers.link.link import Link
    from workers.registry import Registry
    from workers.settings import Settings

#: Types told in a heartbeat; a registry with more is told in part.
MOST_TYPES: Final = 100


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
