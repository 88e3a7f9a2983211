"""How it stands, drawn for a terminal of 80 columns and 24 lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from topology import Names
from workers.counting import plural, some

if TYPE_CHECKING:
    from collections.abc import Mapping

    from topology.apply import Depth
    from workers.presence.roster import Replica
    from workers.presence.watching import Picture

#: Dead letters shown.
LETTERS: Final = 5
#: Types named of a replica.
TYPES: Final = 2
#: Counters in the order in which they are shown, and how.
SHOWN: Final = {
    "received": "",
    "replied": "green",
    "dead_lettered": "red",
    "retried": "yellow",
    "expired": "magenta",
    "requeued": "cyan",
}


def drawn(picture: Picture, names: Names) -> Group:
    """Return the picture."""
    parts: list[Table | Text] = [
        _heading(picture, names),
        Text(),
        _replicas(picture),
        Text(),
        _ends(picture),
        Text(),
        *_queues(picture.queues or {}, names),
    ]
    if picture.letters:
        parts += [Text(), _letters(picture)]
    if picture.trouble:
        parts += [Text(), Text(picture.trouble, "red")]
    return Group(*parts)


def _heading(picture: Picture, names: Names) -> Text:
    """Return the figures that matter most, on one line."""
    open_ = picture.dead_letters
    dead = "?" if open_ is None else f"{open_:,}"
    done = sum(picture.rates.get(name, 0.0) for name in ("replied", "dead_lettered", "expired"))
    return Text.assemble(
        (plural(len(picture.replicas), "replica"), "bold"),
        f" · {done:,.1f} messages a second" if picture.rates else "",
        _times(picture),
        "\n",
        (f"{dead} open dead {'letter' if open_ == 1 else 'letters'}", "red" if open_ else "bold"),
        "; an action has some in hand" if _in_hand(picture, names) else "",
        " (leveret dlq groups)" if open_ else "",
    )


def _times(picture: Picture) -> str:
    """Return how long messages took lately; as far as any was timed."""
    if picture.p50 is None or picture.p99 is None:
        return " · no message was timed lately"
    return f" · median {_seconds(picture.p50)}, 99 % within {_seconds(picture.p99)}"


def _in_hand(picture: Picture, names: Names) -> bool:
    """Whether an action holds letters, which the broker does not count as waiting."""
    dead = f"{names.dead}."
    return any(
        depth.consumers for name, depth in (picture.queues or {}).items() if name.startswith(dead)
    )


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column.startswith(" ")
        table.add_column(
            column.strip(),
            justify="right" if right else "left",
            no_wrap=True,
            min_width=len(column.strip()),  # a heading that is cut says nothing
            overflow="ellipsis",
        )
    return table


def _replicas(picture: Picture) -> Table | Text:
    if not picture.replicas:
        return Text("no replica is heard; `leveret run` starts one", "yellow")
    table = _table("replica", "group", "state", " load", " busy", " msg/s", "version", "takes")
    for one in picture.replicas:
        table.add_row(
            one.agent.agent_id,
            one.told("group"),
            _state(one),
            f"{one.agent.load_factor:.0%}",
            f"{one.figures.get('in_flight', 0):.0f}",
            f"{one.rates.get('received', 0):.1f}" if one.rates else "-",
            one.told("version"),
            takes(one),
        )
    # Only names give way where the terminal is narrow: they share what the figures leave.
    table.expand = True
    table.columns[0].ratio, table.columns[-1].ratio = 3, 2
    return table


def _state(one: Replica) -> Text:
    """Return how a replica stands: serving, or what keeps it from that, or from some of it."""
    kept = ["maintenance"] if one.figures.get("maintenance") else []
    told = ", ".join([one.state] * (one.state != "serving" or not kept) + kept)
    return Text(told, "" if told == "serving" else "yellow")


def takes(one: Replica) -> str:
    """Return some of the types that a replica takes, and how many more."""
    types = [*one.tasks, *one.accepts]
    more = f" +{len(types) - TYPES}" if len(types) > TYPES else ""
    return ", ".join(types[:TYPES]) + more


def _ends(picture: Picture) -> Table:
    table = _table("messages", *(f" {name.replace('_', ' ')}" for name in SHOWN))
    table.add_row(
        "so far",
        *(
            Text(f"{picture.totals.get(name, 0):,.0f}", colour if picture.totals.get(name) else "")
            for name, colour in SHOWN.items()
        ),
    )
    if picture.rates:  # known from the second heartbeat on
        table.add_row("a second", *(f"{picture.rates.get(name, 0):,.1f}" for name in SHOWN))
    return table


def _queues(queues: Mapping[str, Depth], names: Names) -> list[Table | Text]:
    """Return the work first, then the dead letters; of the rungs only those that hold some."""
    if not queues:
        return [Text("no queue is to be seen; `leveret topology apply` makes them", "yellow")]
    table = _table("queue", " waiting", " consumers")
    order = (f"{names.works}.", f"{names.dead}.", f"{names.retries}.")
    empty = 0
    for name in sorted(queues, key=lambda name: (_place(name, order), name)):
        depth = queues[name]
        if name.startswith(order[-1]) and not depth.messages:
            empty += 1
            continue
        dead = name.startswith(order[1]) and name != names.journal and depth.messages
        style = "red" if dead else ""
        waiting = Text(f"{depth.messages:,}")
        if name == names.journal:  # kept, and waiting for nobody
            waiting = Text(f"{depth.messages:,} (history)", "dim")
        table.add_row(Text(name, style), waiting, str(depth.consumers))
    told: list[Table | Text] = [table]
    if empty:
        told.append(Text(f"{plural(empty, 'retry rung')} with nothing waiting", "dim"))
    untaken = [
        name
        for name, depth in sorted(queues.items())
        if name.startswith(order[0]) and depth.messages and not depth.consumers
    ]
    if untaken:
        why = f"nobody takes what waits in {some(untaken)}; `leveret doctor` says what to do"
        told.append(Text(why, "yellow"))
    return told


def _place(name: str, order: tuple[str, ...]) -> int:
    return next((n for n, one in enumerate(order) if name.startswith(one)), len(order))


def _letters(picture: Picture) -> Table:
    table = _table("new dead letter", "why", "type")
    for letter in picture.letters[:LETTERS]:
        table.add_row(letter.id, Text(letter.error_code, "red"), letter.message_type)
    return table


def _seconds(value: float) -> str:
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"
