"""One row of the matrix: a fault, how much of it, and the figure it reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from faults.scales import SCALES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from faults.reckoning import Reckoning
    from faults.rig import Rig
    from faults.scales import Scale, Scales


@dataclass(slots=True, kw_only=True)
class Figure:
    """What a row reports; `broken` names each promise that did not hold."""

    row: str = ""
    #: How much of the fault there was: `short`, `usual` or `full`.
    scale: str = ""
    strikes: int = 0
    messages: int = 0
    lost: int = 0
    unexpected: int = 0
    #: Answers and letters beyond the first of each request.
    doubled: int = 0
    effects_doubled: int = 0
    dead: int = 0
    recovered: int = 0
    #: Seconds from the end of the fault to the next effect, the longest of them.
    recovery: float | None = None
    #: What is particular to this row.
    told: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return it as a line of JSON."""
        return orjson.dumps(asdict(self), default=str).decode()

    def must(self, holds: object, promise: str) -> None:
        """Note a promise that does not hold."""
        if not holds:
            self.broken.append(promise)

    def count(self, reckoning: Reckoning) -> None:
        """Add the books of a run, whose two promises every row makes."""
        self.messages += reckoning.messages
        self.lost += len(reckoning.lost)
        self.unexpected += len(reckoning.unexpected)
        self.doubled += reckoning.doubled
        self.effects_doubled += reckoning.effects_doubled
        self.dead += reckoning.dead
        self.recovered += reckoning.recovered
        self.must(not reckoning.lost, f"lost: {sorted(reckoning.lost)[:3]}")
        self.must(not reckoning.unexpected, f"unexpected: {sorted(reckoning.unexpected)[:3]}")
        self.must(not reckoning.queued, f"{reckoning.queued} still queued")

    def recovered_within(self, seconds: float) -> None:
        """Keep the longest recovery."""
        self.recovery = max(self.recovery or 0.0, round(seconds, 2))


def nothing() -> str:
    """Lack nothing: a broker is all that most rows need."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A fault of the matrix."""

    name: str
    run: Callable[[Rig, Scale], Awaitable[Figure]]
    #: Nodes of the broker it needs.
    nodes: int = 1
    #: Returns what it needs and this machine has not, and how to get it; empty where all is there.
    lacks: Callable[[], str] = nothing

    @property
    def scales(self) -> Scales:
        """How much of it there is."""
        return SCALES[self.name]
