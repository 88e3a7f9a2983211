"""`leveret top`: replicas, queues, rates and dead letters, live in a terminal."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
from cyclopts import Parameter
from rich.console import Console
from rich.live import Live

from topology import Names
from workers.cli import DONE
from workers.cli.options import NOWHERE, Where, needed_url, quiet, settings
from workers.cli.say import write
from workers.cli.top_page import SHOWN, drawn
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


def top(
    *,
    once: Annotated[bool, Parameter(negative="", help="One picture, and out.")] = False,
    json: Annotated[
        bool, Parameter(negative="", help="A JSON document a picture, one a line.")
    ] = False,
    where: Where = NOWHERE,
) -> int:
    """Show replicas, rates, latencies, queues and dead letters until told to stop (Ctrl-C).

    In a pipe one picture follows the other; on a terminal it changes in place.

    Example: `leveret top --once`
    """
    chosen = settings(where)
    quiet()
    needed_url(chosen)
    return asyncio.run(_watch(chosen, once=once, json=json))


async def _watch(chosen: Settings, *, once: bool, json: bool) -> int:
    stop = asyncio.Event()
    names = Names(chosen.prefix)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Watching(chosen) as watching:
        if once:
            picture = await _first(watching, chosen, stop)
            _print(picture, names, json=json)
            return DONE
        console = Console()
        if json or not console.is_terminal:  # a reader of a pipe waits for each picture
            while not stop.is_set():
                _print(await watching.look(), names, json=json)
                await _pause(stop, EVERY)
            return DONE
        with Live(console=console, auto_refresh=False, screen=False) as screen:
            while not stop.is_set():
                screen.update(drawn(await watching.look(), names), refresh=True)
                await _pause(stop, EVERY)
    return DONE


async def _first(watching: Watching, chosen: Settings, stop: asyncio.Event) -> Picture:
    """Return a picture with all replicas in it: one for each consumer of the groups' work.

    One that is paused consumes nothing and speaks all the same, so with none at all it waits.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + chosen.heartbeat_interval + BEYOND
    while True:
        picture = await watching.look()
        all_there = picture.replicas and len(picture.replicas) >= picture.workers
        if all_there or loop.time() > until or stop.is_set():
            return picture
        await _pause(stop, LOOK_EVERY)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def _print(picture: Picture, names: Names, *, json: bool) -> None:
    if json:
        write(orjson.dumps(document(picture)), b"\n")
    else:
        Console(highlight=False).print(drawn(picture, names))
        sys.stdout.flush()


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
        "tasks": one.tasks,
        "accepts": one.accepts,
        "totals": _counters(one.figures),
        "rates": _counters(one.rates),
    }


def _counters(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: figures[name] for name in SHOWN if name in figures}
