"""Who is there, from the heartbeats handed in: each replica, and what has grown since its last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from messages import AgentMetadata, Catalog, HeartbeatPayload, InvalidMessage
from workers.metrics.figures import COUNTERS, grown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Heartbeats missed before a replica counts as gone.
MISSED: Final = 3
#: Replicas remembered at once; whoever sends heartbeats under ever new names fills no memory.
MOST_REPLICAS: Final = 2_000
#: The largest count that a JSON number holds to the unit.
MOST: Final = 2**53


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

    def told(self, name: str, otherwise: str = "") -> str:
        """Return a text that the agent says of itself beyond the protocol, `group` perhaps.

        Anybody may send a heartbeat, and nothing looks at what it adds: what is none is not told.
        """
        found = (self.agent.model_extra or {}).get(name)
        return found if isinstance(found, str) else otherwise

    @property
    def tasks(self) -> tuple[str, ...]:
        """The task types that it takes, as it says."""
        return self.types("tasks") or ()

    @property
    def accepts(self) -> tuple[str, ...]:
        """The message types that it takes, as it says."""
        return self.types("accepts") or ()

    def types(self, name: str) -> tuple[str, ...] | None:
        """Return `tasks` or `accepts`; None where it tells none, as other programs do not."""
        found = (self.agent.model_extra or {}).get(name)
        if not isinstance(found, list | tuple):
            return None
        return tuple(one for one in found if isinstance(one, str))


def _after(before: Replica | None, now: Replica) -> Replica:
    """Return a heartbeat with what has grown since the one before it."""
    if before is None or now.seen <= before.seen:
        return now
    recent = grown(now.figures, before.figures)
    apart = now.seen - before.seen
    rates = {name: recent.get(name, 0.0) / apart for name in COUNTERS}
    return now._replace(recent=recent, rates=rates)


def _believable(figures: Mapping[str, float]) -> dict[str, float]:
    """Leave out what counts nothing: anybody may send a heartbeat, and sums are made of these."""
    return {name: value for name, value in figures.items() if 0 <= value <= MOST}


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
            if agent.agent_id not in self._replicas and len(self._replicas) >= MOST_REPLICAS:
                self._forget()
                if len(self._replicas) >= MOST_REPLICAS:
                    return
            self._replicas[agent.agent_id] = _after(
                self._replicas.get(agent.agent_id),
                Replica(agent, self._clock(), _believable(payload.metrics)),
            )

    def present(self) -> tuple[Replica, ...]:
        """Return those heard of lately, by name."""
        self._forget()
        return tuple(self._replicas[name] for name in sorted(self._replicas))

    def _forget(self) -> None:
        oldest = self._clock() - self._gone_after
        self._replicas = {k: r for k, r in self._replicas.items() if r.seen >= oldest}
