"""Topology → where its boxes and lines are in the picture. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from topology.plan import Bind, Create, Mismatch, Unbind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from topology import Binding, Topology
    from topology.plan import Plan

#: Units of the picture: boxes, the room between them, where the columns begin.
BOX_WIDTH: Final = 270
BOX_HEIGHT: Final = 38
ROW: Final = 52
LEFT: Final = 8
RIGHT: Final = 522
WIDTH: Final = 800
TOP: Final = 34
#: Keys named on a line; more are counted.
MOST_KEYS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """An exchange or a queue."""

    name: str
    #: Without the prefix, which all of them have.
    short: str
    kind: str
    x: int
    y: int
    #: `good`, `missing` or `differs`; `unseen` where nobody could look.
    state: str
    #: Messages in a queue; None for exchanges, and where nobody knows.
    depth: int | None = None
    consumers: int | None = None
    #: Whether its messages are kept rather than waiting for somebody.
    history: bool = False

    @property
    def middle(self) -> int:
        """Where lines end."""
        return self.y + BOX_HEIGHT // 2


@dataclass(frozen=True, slots=True)
class Line:
    """All bindings from one exchange to one queue."""

    path: str
    keys: str
    x: int
    y: int
    state: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The whole picture."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def picture(
    topology: Topology, plan: Plan | None, depths: Mapping[str, tuple[int, int]]
) -> Picture:
    """Return the picture; `depths` are messages and consumers by queue."""
    prefix = topology.names.prefix
    states = _states(plan)
    fallback = "unseen" if plan is None else "good"
    order = _order(topology)
    boxes: dict[str, Box] = {}
    bottom = TOP
    for exchanges, queues in order:
        rows = max(len(exchanges), len(queues))
        for column, kind, names in ((LEFT, "exchange", exchanges), (RIGHT, "queue", queues)):
            # Exchanges stand beside the middle of what they lead to.
            shift = (rows - len(names)) * ROW // 2 if kind == "exchange" else 0
            for place, name in enumerate(names):
                depth, consumers = (
                    depths.get(name, (None, None)) if kind == "queue" else (None,) * 2
                )
                boxes[f"{kind} {name}"] = Box(
                    name=name,
                    short=name.removeprefix(f"{prefix}."),
                    kind=kind,
                    x=column,
                    y=bottom + shift + place * ROW,
                    state=states.get(f"{kind} {name}", fallback),
                    depth=depth,
                    consumers=consumers,
                    history=name == topology.names.journal,
                )
        bottom += rows * ROW + 10
    lines = _lines(topology.bindings, boxes, states, fallback)
    return Picture(WIDTH, bottom, tuple(boxes.values()), lines)


def _order(topology: Topology) -> list[tuple[list[str], list[str]]]:
    """Return exchanges with the queues they lead to, in the order of the design."""
    rows: list[tuple[list[str], list[str]]] = []
    leads: dict[str, list[str]] = {exchange.name: [] for exchange in topology.exchanges}
    placed: set[str] = set()
    for binding in topology.bindings:
        if binding.source in leads and binding.destination not in placed:
            placed.add(binding.destination)
            leads[binding.source].append(binding.destination)
    alone = [name for name, queues in leads.items() if not queues]
    rows += [([name], queues) for name, queues in leads.items() if queues]
    rest = [queue.name for queue in topology.queues if queue.name not in placed]
    # What leads nowhere yet (mailboxes and listeners come and go) stands below, a row each.
    rows += [([name], []) for name in alone]
    if rest:
        rows.append(([], rest))
    return rows


def _states(plan: Plan | None) -> dict[str, str]:
    states: dict[str, str] = {}
    for step in plan.steps if plan else ():
        match step:
            case Create(thing):
                kind = "exchange" if hasattr(thing, "type") else "queue"
                states[f"{kind} {thing.name}"] = "missing"
            case Mismatch(kind, name):
                states[f"{kind.value} {name}"] = "differs"
            case Bind(binding) | Unbind(binding):
                states[f"{binding.source} > {binding.destination}"] = "missing"
            case _:
                pass
    return states


def _lines(
    bindings: Sequence[Binding],
    boxes: Mapping[str, Box],
    states: Mapping[str, str],
    fallback: str,
) -> tuple[Line, ...]:
    keys: dict[tuple[str, str], list[str]] = {}
    for binding in bindings:
        keys.setdefault((binding.source, binding.destination), []).append(binding.key)
    lines = []
    for (source, destination), named in keys.items():
        start, end = boxes.get(f"exchange {source}"), boxes.get(f"queue {destination}")
        if start is None or end is None:
            continue
        left, right = LEFT + BOX_WIDTH, RIGHT
        bend = (left + right) // 2
        shown = ", ".join(key for key in named[:MOST_KEYS] if key)
        if len(named) > MOST_KEYS:
            shown += f" +{len(named) - MOST_KEYS}"
        lines.append(
            Line(
                f"M{left},{start.middle} C{bend},{start.middle} {bend},{end.middle} "
                f"{right},{end.middle}",
                shown,
                right - 12,
                end.middle - 6,
                states.get(f"{source} > {destination}", fallback),
            )
        )
    return tuple(lines)
