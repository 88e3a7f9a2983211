"""`leveret bench echo` and `bench peers`: whole workers side by side, from the source tree.

The contenders and what fills their queues live in `benchmarks/`, which is no part of an installed
package: the peers get an environment of their own there.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from workers.cli import FAILED, Failure
from workers.cli.options import Whole
from workers.cli.say import say, write

_PEERS: Final = Path(__file__).parents[2] / "benchmarks" / "peers.py"


def echo(
    *,
    quick: Annotated[bool, Parameter(negative="")] = False,
    rounds: Whole = 5,
    prefetch: Whole = 200,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Time one leveret worker on a private broker: messages per second, CPU, memory, round trips.

    Example: `leveret bench echo --quick`

    Parameters
    ----------
    quick
        Two short rounds on a quorum queue only.
    rounds
        Rounds on each type of queue.
    prefetch
        Deliveries the worker holds unsettled.
    json
        A line of JSON for each type of queue, and nothing else.

    """
    return _run(["--only", "leveret", *_options(rounds, prefetch, quick=quick)], json=json)


def peers(
    *,
    quick: Annotated[bool, Parameter(negative="")] = False,
    rounds: Whole = 5,
    prefetch: Whole = 200,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Time leveret, its peers in Python, Node and C side by side, in one run.

    Who cannot be had on this machine is named on stderr and left out.
    Example: `leveret bench peers --quick --json`

    Parameters
    ----------
    quick
        Two short rounds on quorum queues only.
    rounds
        Rounds on each type of queue, the contenders taking turns.
    prefetch
        Deliveries every contender holds unsettled.
    json
        A line of JSON for each contender and type of queue, and nothing else.

    """
    return _run(_options(rounds, prefetch, quick=quick), json=json)


def _options(rounds: int, prefetch: int, *, quick: bool) -> list[str]:
    chosen = ["--rounds", str(rounds), "--prefetch", str(prefetch)]
    return [*chosen, "--quick"] if quick else chosen


def _run(options: list[str], *, json: bool) -> int:
    if not _PEERS.exists():
        raise Failure(
            "the contenders are not part of the installed package; run this from the source tree",
            code=FAILED,
        )
    form = [] if json else ["--table"]
    command = [sys.executable, str(_PEERS), *options, *form]
    if not json:
        long = "half a minute for each contender" if "--quick" in options else "minutes"
        say(f"each round fills queues and starts the workers in turn; this takes {long}")
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)  # noqa: S603 - our own script
    write(done.stdout)
    return done.returncode
