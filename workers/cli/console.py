"""`leveret console`: the web console as a process of its own, and users for it."""

from __future__ import annotations

import asyncio
import getpass
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import App, Parameter

from workers.cli import DONE, WRONG_USE, Failure
from workers.cli.options import NOWHERE, Where, needed_url, settings, whole
from workers.cli.say import say, write
from workers.console.doors.passwords import made_of
from workers.console.doors.users import NAME
from workers.console.serve import serve
from workers.loading import load
from workers.logs import LogPlan, configure

if TYPE_CHECKING:
    from workers.registry import Registry
    from workers.settings import Settings

#: Characters of a password for a console that others reach.
SHORTEST_PASSWORD: Final = 12

console: Final = App(
    name="console",
    help="""Serve the web console, until Ctrl-C or SIGTERM.

    Example: leveret console --port 9465
    """,
    help_format="plaintext",
    result_action="return_value",
)


@console.default
def serving(
    *modules: str,
    host: Annotated[str | None, Parameter(help="Where to listen; 127.0.0.1 by default.")] = None,
    port: Annotated[
        int | None, Parameter(converter=whole, help="0 picks one and says which.")
    ] = None,
    where: Where = NOWHERE,
) -> int:
    """Serve the web console until Ctrl-C or SIGTERM.

    Example: `leveret console --port 9465`

    Parameters
    ----------
    modules
        Where processors are, as for `leveret run`: their types are the contracts.
    host
        Where to listen; anything but loopback needs users.
    port
        The port.
    where
        Which broker and which names.

    """
    chosen = settings(where, console_host=host, console_port=port)
    needed_url(chosen)  # every page would say that it is away, and none that it was never named
    configure(LogPlan(form=chosen.log_format, level=chosen.log_level, worker=chosen.agent_id))
    return asyncio.run(_serve(chosen, load(modules, offered=chosen.processors), modules))


@console.command
def user(name: str, *, role: Literal["viewer", "operator"] = "viewer") -> int:
    """Print a user for LEVERET_CONSOLE_USERS or a users' file; asks for the password.

    It has at least 12 characters. Without a terminal it is the first line of standard input.
    Example: `leveret console user anna --role operator >> console-users`

    Parameters
    ----------
    name
        What they log in with; it stands in the history of what was done.
    role
        A viewer looks, an operator also acts.

    """
    if NAME.fullmatch(name) is None:
        raise Failure("a name is 1 to 64 letters, digits, '_', '.', '@' or '-'", code=WRONG_USE)
    if sys.stdin.isatty():
        password = getpass.getpass(f"Password, at least {SHORTEST_PASSWORD} characters: ")
        if password != getpass.getpass("Again: "):
            raise Failure("those were two different passwords; nothing was made", code=WRONG_USE)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < SHORTEST_PASSWORD:
        raise Failure(f"take a password of at least {SHORTEST_PASSWORD} characters", code=WRONG_USE)
    write(f"{name}:{role}:{made_of(password)}\n".encode())
    return DONE


async def _serve(chosen: Settings, registry: Registry, modules: tuple[str, ...]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def told(address: str) -> None:
        say(f"the console is at {address}")

    await serve(chosen, registry, stop, told, modules=modules)
    return DONE
