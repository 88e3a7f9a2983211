"""`leveret broker`: a private RabbitMQ that outlives the command that started it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import orjson
from cyclopts import Parameter

from workers.broker import start_kept, stop_kept
from workers.broker import status as kept_status
from workers.cli import DONE, NOTHING_FOUND, WRONG_USE, Failure
from workers.cli.options import whole
from workers.cli.say import say, write

if TYPE_CHECKING:
    from workers.broker import Running


def start(
    *,
    nodes: Annotated[
        int | None,
        Parameter(
            converter=whole, help="Nodes of one cluster: 1 (the default), or 3 for a quorum."
        ),
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="Print one JSON document.")] = False,
) -> int:
    """Start a RabbitMQ of one's own, and return when it serves; one that runs already will do.

    It lives on until `leveret broker stop`, and its data with it; the next one has other ports.
    Example: `eval "$(leveret broker start)"` sets LEVERET_AMQP_URL in this shell.
    """
    if nodes is not None and not 1 <= nodes <= MOST_NODES:
        raise Failure(f"--nodes is 1 to {MOST_NODES}; three make a quorum", code=WRONG_USE)
    # Who does not say how many takes what runs.
    before = kept_status()
    if not json:
        say("one runs already" if before else "starting a broker …")
    running = (before if nodes is None else None) or start_kept(nodes or 1)
    if json:
        write(orjson.dumps(_told(running)), b"\n")
        return DONE
    write(f"export LEVERET_AMQP_URL={running.amqp_url}\n".encode())
    say(f"it serves; its web pages are at {running.management_url}")
    return DONE


def stop(
    *,
    json: Annotated[bool, Parameter(negative="", help="Print one JSON document.")] = False,
) -> int:
    """End the private broker and remove its data.

    Example: `leveret broker stop`
    """
    running = stop_kept()
    if json:
        write(orjson.dumps({"stopped": running is not None}), b"\n")
    else:
        say("stopped" if running else "none was running")
    return DONE


def status(
    *,
    json: Annotated[bool, Parameter(negative="", help="Print one JSON document.")] = False,
) -> int:
    """Say whether the private broker runs, and where; exit code 3 when none does.

    Example: `leveret broker status --json`
    """
    running = kept_status()
    if running is None:
        if json:
            write(b'{"running":false}\n')
        else:
            say("no private broker runs; start one: leveret broker start")
        return NOTHING_FOUND
    if json:
        write(orjson.dumps({"running": True, **_told(running)}), b"\n")
        return DONE
    for url, page in zip(running.amqp_urls, running.management_urls, strict=True):
        write(f"{url}  {page}\n".encode())
    say(f"{len(running.amqp_urls)} node(s), processes {', '.join(map(str, running.pids))}")
    return DONE


#: Nodes of one private cluster; more than a machine should carry, and more than any test needs.
MOST_NODES = 7


def _told(running: Running) -> dict[str, Any]:
    return {
        "amqp_url": running.amqp_url,
        "management_url": running.management_url,
        "pid": running.pid,
        "amqp_urls": running.amqp_urls,
        "management_urls": running.management_urls,
        "prometheus_urls": running.prometheus_urls,
        "pids": running.pids,
        "directory": running.directory,
    }
