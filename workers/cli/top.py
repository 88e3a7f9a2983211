"""`leveret top`: replicas, queues, rates and dead letters, live in a terminal."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
from cyclopts import Parameter
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from workers.cli import DONE
from workers.cli.options import NOWHERE, Where, needed_url, quiet, settings
from workers.cli.say import plural, write
from workers.presence.watching import Picture, Watching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers.presence.roster import Replica
    from workers.settings import Settings

#: Seconds between two pictures, and between two looks while waiting for the first heartbeats.
EVERY: Final = 1.0
LOOK_EVERY: Final = 0.1
#: Seconds beyond a heartbeat interval to wait for those who are there.
BEYOND: Final = 0.5
#: Dead letters shown.
LETTERS: Final = 5
#: Types named in a row.
TYPES: Final = 6
#: Counters in the order in which they are shown, and how.
_SHOWN: Final = {
    "received": "",
    "replied": "green",
    "dead_lettered": "red",
    "retried": "yellow",
    "expired": "magenta",
    "requeued": "cyan",
}


def top(
    *,
    once: Annotated[bool, Parameter(negative="", help="One picture, and out.")] = False,
    json: Annotated[
        bool, Parameter(negative="", help="A JSON document a picture, one a line.")
    ] = False,
    where: Where = NOWHERE,
) -> int:
    """Show replicas, rates, latencies, queues and dead letters until told to stop (Ctrl-C).

    Example: `leveret top --once`
    """
    chosen = settings(where)
    quiet()
    needed_url(chosen)
    return asyncio.run(_watch(chosen, once=once, json=json))


async def _watch(chosen: Settings, *, once: bool, json: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Watching(chosen) as watching:
        if once:
            picture = await _first(watching, chosen, stop)
            _print(picture, json=json)
            return DONE
        if json:
            while not stop.is_set():
                _print(await watching.look(), json=True)
                await _pause(stop, EVERY)
            return DONE
        with Live(console=Console(), auto_refresh=False, screen=False) as screen:
            while not stop.is_set():
                screen.update(_drawn(await watching.look()), refresh=True)
                await _pause(stop, EVERY)
    return DONE


async def _first(watching: Watching, chosen: Settings, stop: asyncio.Event) -> Picture:
    """Return a picture with all replicas in it: one for each consumer of the groups' work."""
    loop = asyncio.get_running_loop()
    until = loop.time() + chosen.heartbeat_interval + BEYOND
    while True:
        picture = await watching.look()
        if len(picture.replicas) >= picture.workers or loop.time() > until or stop.is_set():
            return picture
        await _pause(stop, LOOK_EVERY)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def _print(picture: Picture, *, json: bool) -> None:
    if json:
        write(orjson.dumps(document(picture)), b"\n")
    else:
        Console(highlight=False).print(_drawn(picture))


def document(picture: Picture) -> dict[str, Any]:
    """Return a picture as plain JSON values."""
    queues = picture.queues
    return {
        "at": datetime.now(UTC).isoformat(),
        "replicas": [_replica(one) for one in picture.replicas],
        "queues": None
        if queues is None
        else [{"name": name, **depth._asdict()} for name, depth in queues.items()],
        "dead_letters": picture.dead_letters,
        "totals": _counters(picture.totals),
        "rates": _counters(picture.rates),
        "p50_seconds": picture.p50,
        "p99_seconds": picture.p99,
        "trouble": picture.trouble,
    }


def _replica(one: Replica) -> dict[str, Any]:
    return {
        "id": one.agent.agent_id,
        "group": one.told("group"),
        "state": one.state,
        "maintenance": bool(one.figures.get("maintenance")),
        "load": one.agent.load_factor,
        "in_flight": int(one.figures.get("in_flight", 0)),
        "version": one.told("version"),
        "tasks": one.told("tasks", ()),
        "accepts": one.told("accepts", ()),
        "totals": _counters(one.figures),
        "rates": _counters(one.rates),
    }


def _counters(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: figures[name] for name in _SHOWN if name in figures}


def _drawn(picture: Picture) -> Group:
    parts: list[Table | Text] = [
        _replicas(picture),
        Text(),
        _ends(picture),
        Text(),
        _queues(picture),
    ]
    if picture.letters:
        parts += [Text(), _letters(picture)]
    if picture.trouble:
        parts += [Text(), Text(picture.trouble, "red")]
    return Group(*parts)


def _table(*columns: str, title: str) -> Table:
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for column in columns:
        right = column.startswith(" ")
        table.add_column(column, justify="right" if right else "left", no_wrap=column != "takes")
    return table


def _replicas(picture: Picture) -> Table:
    title = plural(len(picture.replicas), "replica")
    table = _table(
        "replica", "group", "state", " load", " in flight", " a second", "version", "takes",
        title=title,
    )  # fmt: skip
    for one in picture.replicas:
        takes = [*one.told("tasks", ()), *one.told("accepts", ())]
        more = f" +{len(takes) - TYPES}" if len(takes) > TYPES else ""
        kept = ", maintenance" if one.figures.get("maintenance") else ""
        table.add_row(
            one.agent.agent_id,
            str(one.told("group")),
            Text(one.state + kept, "" if one.state == "serving" else "yellow"),
            f"{one.agent.load_factor:.0%}",
            f"{one.figures.get('in_flight', 0):.0f}",
            f"{one.rates.get('received', 0):.1f}" if one.rates else "-",
            str(one.told("version")),
            ", ".join(map(str, takes[:TYPES])) + more,
        )
    return table


def _ends(picture: Picture) -> Table:
    table = _table("messages", " so far", " a second", title="what they did")
    for name, colour in _SHOWN.items():
        rate = picture.rates.get(name)
        table.add_row(
            Text(name.replace("_", " "), colour),
            f"{picture.totals.get(name, 0):.0f}",
            "-" if rate is None else f"{rate:.1f}",
        )
    for name, seconds in (("half within", picture.p50), ("nearly all within", picture.p99)):
        table.add_row(name, "-" if seconds is None else f"{seconds:g} s", "")
    return table


def _queues(picture: Picture) -> Table:
    dead = "?" if picture.dead_letters is None else str(picture.dead_letters)
    table = _table("queue", " waiting", " consumers", title=f"queues, {dead} open dead letters")
    for name, depth in (picture.queues or {}).items():
        table.add_row(name, str(depth.messages), str(depth.consumers))
    return table


def _letters(picture: Picture) -> Table:
    table = _table("dead letter", "why", "type", title="new dead letters (leveret dlq show ID)")
    for letter in picture.letters[:LETTERS]:
        table.add_row(letter.id, Text(letter.error_code, "red"), letter.message_type)
    return table
