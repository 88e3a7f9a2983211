"""What was seen → what the page Now shows of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from workers.console.view import number, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from topology import Names
    from topology.apply import Depth
    from workers.console.feed import Feed, Figures
    from workers.presence.roster import Replica
    from workers.presence.watching import Picture

#: Types named of a replica; more are counted.
MOST_TYPES = 12


class Figure(NamedTuple):
    """One number, its past, and a line about it."""

    name: str
    value: str
    unit: str
    past: Sequence[float | None]
    more: str
    alarm: bool = False


class QueueRow(NamedTuple):
    """One queue."""

    name: str
    ready: int
    consumers: int
    state: str
    tone: str
    #: The group whose dead letters it holds; empty for other queues.
    letters_of: str
    #: Whether what it holds is kept and waits for nobody: no backlog, however much it is.
    history: bool


class ReplicaRow(NamedTuple):
    """One replica."""

    name: str
    group: str
    load: float
    in_flight: float
    rate: float
    version: str
    accepts: tuple[str, ...]
    silence: float
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The page."""

    trouble: str
    #: Seconds since the broker was seen.
    stale: float
    loading: bool
    span: int
    figures: tuple[Figure, ...]
    queues: tuple[QueueRow, ...]
    replicas: tuple[ReplicaRow, ...]


def now_of(feed: Feed, names: Names, *, clock: float) -> Now:
    """Return what the page shows at this (monotonic) time."""
    picture = feed.picture
    return Now(
        trouble=feed.trouble,
        stale=clock - feed.seen,
        loading=picture is None and not feed.trouble,
        span=feed.past.maxlen or 2,
        figures=_figures(picture, tuple(feed.past), names) if picture else (),
        queues=_queues(picture, names) if picture else (),
        replicas=tuple(replica_row(one, clock) for one in picture.replicas) if picture else (),
    )


def _figures(picture: Picture, past: Sequence[Figures], names: Names) -> tuple[Figure, ...]:
    rates, totals = picture.rates, picture.totals
    last = past[-1] if past else {}

    def row(name: str) -> list[float | None]:
        return [moment.get(name) for moment in past]

    def rate(name: str) -> str:
        return number(rates.get(name, 0.0))

    def total(name: str) -> str:
        return number(totals.get(name, 0.0))

    dying = rates.get("dead_lettered", 0.0) + rates.get("expired", 0.0)
    return (
        Figure(
            "Throughput",
            number(last.get("done", 0.0)),
            "messages/s",
            row("done"),
            f"{total('replied')} answered in all",
        ),
        _quantiles("Latency", picture.p50, picture.p99, row("p99"), "to be handled"),
        _quantiles("Age", picture.age_p50, picture.age_p99, row("age"), "sent to done"),
        Figure(
            "In flight",
            total("in_flight"),
            "",
            row("in_flight"),
            "taken, not settled",
        ),
        Figure("Waiting", number(last.get("waiting", 0.0)), "", row("waiting"), "in work queues"),
        Figure("Retries", rate("retried"), "/s", row("retried"), f"{total('retried')} in all"),
        Figure(
            "Dying",
            number(dying),
            "/s",
            row("dead"),
            f"{total('dead_lettered')} dead, {total('expired')} expired",
            alarm=dying > 0,
        ),
        Figure(
            "Dead letters",
            number(picture.dead_letters),
            "open",
            row("open"),
            _about_letters(picture, names),
            alarm=bool(picture.dead_letters),
        ),
    )


def _about_letters(picture: Picture, names: Names) -> str:
    dead = f"{names.dead}."
    queues = picture.queues or {}
    if any(one.consumers for name, one in queues.items() if name.startswith(dead)):
        return "an action has some in hand"
    return (
        f"{picture.letters[0].error_code} was the last" if picture.letters else "none came lately"
    )


def _quantiles(
    name: str, half: float | None, most: float | None, past: list[float | None], about: str
) -> Figure:
    value, _, unit = seconds(half).partition(" ")
    more = "nothing was handled yet" if most is None else f"99 % within {seconds(most)}, {about}"
    return Figure(name, value, unit, past, more)


def _queues(picture: Picture, names: Names) -> tuple[QueueRow, ...]:
    order = (f"{names.works}.", f"{names.dead}.", f"{names.retries}.")

    def place(name: str) -> tuple[int, str]:
        return next((n for n, one in enumerate(order) if name.startswith(one)), len(order)), name

    found = picture.queues or {}
    return tuple(_queue(name, found[name], names) for name in sorted(found, key=place))


def _queue(name: str, depth: Depth, names: Names) -> QueueRow:
    state = tone = group = ""
    if name.startswith(f"{names.works}."):
        if not depth.consumers:
            state, tone = ("nobody takes from it", "bad" if depth.messages else "warn")
    elif name.startswith(f"{names.dead}.") and name != names.journal:
        group = name.removeprefix(f"{names.dead}.")
        if depth.consumers:
            # Only an action takes letters; what it holds the broker does not count as waiting.
            state, tone = "an action has some in hand", "warn"
        elif depth.messages:
            state, tone = "open letters", "bad"
    elif name.startswith(f"{names.retries}.") and depth.messages:
        state, tone = "waiting for another try", "warn"
    history = name == names.journal
    return QueueRow(name, depth.messages, depth.consumers, state, tone, group, history)


def replica_row(one: Replica, clock: float, *, most: int | None = MOST_TYPES) -> ReplicaRow:
    """Return what is shown of a replica, with `most` of the types that it takes."""
    types = [*one.tasks, *one.accepts]
    shown = [name for name in dict.fromkeys(types) if name != "task_request"]
    more = 0 if most is None else len(shown) - most
    return ReplicaRow(
        name=one.agent.agent_id,
        group=one.told("group", "?"),
        load=one.agent.load_factor,
        in_flight=one.figures.get("in_flight", 0.0),
        rate=sum(one.rates.get(end, 0.0) for end in ("replied", "dead_lettered", "expired")),
        version=one.told("version", "?"),
        accepts=(*shown[:most], *((f"+{more}",) if more > 0 else ())),
        silence=max(0.0, clock - one.seen),
        note="" if one.state == "serving" else one.state,
    )
