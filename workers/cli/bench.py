"""`leveret bench`: what things cost on this machine."""

from __future__ import annotations

from typing import Annotated

import orjson
from cyclopts import Parameter

from workers.bench.patterns import measure
from workers.bench.report import markdown, plain
from workers.cli import DONE, WRONG_USE, Failure
from workers.cli.bench_runs import echo, peers
from workers.cli.options import Whole
from workers.cli.say import say, write

__all__ = ["echo", "patterns", "peers"]


def patterns(
    *,
    messages: Whole = 10_000,
    rounds: Whole = 5,
    json: Annotated[bool, Parameter(negative="")] = False,
    markdown_: Annotated[bool, Parameter(name="--markdown", negative="")] = False,
) -> int:
    """Time every way of decoding messages side by side, and say which claims hold here.

    CPU time of one process; the medians of rounds that take the ways in turn.
    Example: `leveret bench patterns --markdown`

    Parameters
    ----------
    messages
        Messages in each round of each way.
    rounds
        Rounds; more of them on a busy machine.
    json
        One line of JSON for each way, and one for what caching strings brings.
    markdown_
        A table for a page of documentation.

    """
    if messages < 1 or rounds < 1:
        raise Failure("give at least one message and one round", code=WRONG_USE)
    results = measure(messages=messages, rounds=rounds, said=say)
    if not any(one.pattern == "msgspec" for one in results.patterns):
        say("msgspec is left out: it is not installed here (pip install msgspec)")
    if json:
        for one in results.patterns:
            write(orjson.dumps({**one._asdict(), "holds": one.holds}), b"\n")
        strings = results.strings
        write(
            orjson.dumps(
                {
                    "pattern": "string caching",
                    "percent": strings.percent,
                    "claim": strings.claim,
                    "holds": strings.holds,
                }
            ),
            b"\n",
        )
    else:
        write((markdown if markdown_ else plain)(results).encode())
    return DONE
