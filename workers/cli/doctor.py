"""`leveret doctor`: is everything as it should be, and what to do if not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import orjson
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workers.cli import DONE, FAILED, NO_BROKER
from workers.cli.options import NOWHERE, Where, quiet, settings
from workers.cli.say import write
from workers.doctor.finding import Finding, State, wrong
from workers.doctor.rounds import UNREACHABLE, here, there
from workers.doctor.unsafe import worst
from workers.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLOURS: Final = {State.OK: "green", State.NOTE: "yellow", State.WRONG: "red"}


def doctor(
    *modules: Annotated[str, Parameter(help="Where processors are, as for `leveret run`.")],
    management_url: Annotated[
        str | None,
        Parameter(help="The broker's HTTP API, which alone lists queues nobody serves any more."),
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="Print one JSON document.")] = False,
    where: Where = NOWHERE,
) -> int:
    """Look at everything: Python, settings, broker, topology, rights, replicas, dead letters.

    Exit code 1 when something is wrong, 4 when no broker answers; notes alone are no failure.
    Example: `leveret doctor`, or `leveret doctor my_package:registry`
    """
    quiet()
    found = _examined(where, modules, management_url)
    state = worst(found)
    if json:
        checks = [one._asdict() for one in found]
        write(orjson.dumps({"state": state, "checks": checks}), b"\n")
    else:
        _show(found)
    if any(one.check == UNREACHABLE and one.state is State.WRONG for one in found):
        return NO_BROKER
    return FAILED if state is State.WRONG else DONE


def _examined(where: Where, modules: tuple[str, ...], management_url: str | None) -> list[Finding]:
    try:
        chosen = settings(where)
    except SettingsError as error:
        return [
            wrong("settings", problem, "`leveret config show` lists every setting")
            for problem in error.problems
        ]
    return [*here(chosen, modules), *asyncio.run(there(chosen, management_url))]


def _show(found: Sequence[Finding]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in found:
        told = Text(one.told)
        if one.advice:
            told.append(f"\nwhat to do: {one.advice}", "bold")
        table.add_row(Text(one.state, _COLOURS[one.state]), one.check, told)
    console = Console(highlight=False, markup=False)
    console.print(table)
    for one in found:  # a column would break them, and what is copied from it
        for command in one.commands:
            console.print(command, soft_wrap=True)
