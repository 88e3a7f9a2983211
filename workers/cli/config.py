"""`leveret config`: what the settings are, and who said so."""

from __future__ import annotations

from typing import Annotated

import orjson
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from workers.cli import DONE
from workers.cli.options import NOWHERE, Where, settings
from workers.cli.say import write
from workers.settings import explain


def show(
    *,
    json: Annotated[bool, Parameter(negative="", help="Print one JSON document.")] = False,
    where: Where = NOWHERE,
) -> int:
    """Show every setting, its value and where it came from; passwords are hidden.

    Flags win over the environment, then .env, the secrets directory and leveret.toml.
    Example: `leveret config show --json`
    """
    rows = explain(settings(where))
    if json:
        told = {row.name: {"value": row.value, "source": row.source} for row in rows}
        write(orjson.dumps(told), b"\n")
        return DONE
    table = Table(box=None, pad_edge=False)
    for column in ("setting", "value", "from"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row.name, row.value, row.source, style="dim" if row.default else None)
    Console(highlight=False, markup=False).print(table)
    return DONE
