"""`leveret ctl`: speak to running replicas over the control exchange."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Literal

import orjson
from cyclopts import Parameter

from topology import Names
from workers.cli import DONE, FAILED, NOTHING_FOUND, WRONG_USE, Failure
from workers.cli.options import NOWHERE, Where, above_zero, needed_url, quiet, settings
from workers.cli.say import agreed, asked_at_a_terminal, say, write
from workers.control.asking import FIRST, Asking, NotConfirmed
from workers.control.commands import Command, Told, Verb

if TYPE_CHECKING:
    from workers.settings import Settings

Json = Annotated[bool, Parameter(negative="", help="Print a JSON document a replica, one a line.")]
Timeout = Annotated[
    float, Parameter(validator=above_zero, help="Seconds to wait for the first answer.")
]


def ping(
    replica: str | None = None,
    *,
    timeout: Timeout = FIRST,
    json: Json = False,
    where: Where = NOWHERE,
) -> int:
    """Ask replicas, or one by its id, how they stand. Exit code 3 when none of them answers.

    Example: `leveret ctl ping`
    """
    return _ask(Verb.PING, replica, timeout=timeout, json=json, where=where)


def pause(
    replica: str | None = None,
    *,
    timeout: Timeout = FIRST,
    json: Json = False,
    where: Where = NOWHERE,
) -> int:
    """Have replicas take no messages and stay connected; what nobody has begun is given back.

    Example: `leveret ctl pause host-4711`
    """
    return _ask(Verb.PAUSE, replica, timeout=timeout, json=json, where=where)


def resume(
    replica: str | None = None,
    *,
    timeout: Timeout = FIRST,
    json: Json = False,
    where: Where = NOWHERE,
) -> int:
    """Have paused replicas take messages again.

    Example: `leveret ctl resume`
    """
    return _ask(Verb.RESUME, replica, timeout=timeout, json=json, where=where)


def drain(
    replica: str | None = None,
    *,
    yes: Annotated[
        bool,
        Parameter(name=["--yes", "-y"], negative="", help="Do not ask before all of them leave."),
    ] = False,
    timeout: Timeout = FIRST,
    json: Json = False,
    where: Where = NOWHERE,
) -> int:
    """Have replicas finish what they began and leave, as on SIGTERM.

    Without the id of one, all of them; at a terminal it asks before.
    Example: `leveret ctl drain host-4711`
    """
    if replica is None and not yes and asked_at_a_terminal():
        chosen = settings(where)
        if not agreed(f"drain every replica under the prefix {chosen.prefix}?"):
            raise Failure("nobody was drained; name one replica, or confirm by --yes")
    return _ask(Verb.DRAIN, replica, timeout=timeout, json=json, where=where)


def maintenance(
    mode: Literal["on", "off"],
    replica: str | None = None,
    *,
    timeout: Timeout = FIRST,
    json: Json = False,
    where: Where = NOWHERE,
) -> int:
    """Have replicas refuse what creates, updates or deletes, or take it again.

    Example: `leveret ctl maintenance on`
    """
    verb = Verb.MAINTENANCE_ON if mode == "on" else Verb.MAINTENANCE_OFF
    return _ask(verb, replica, timeout=timeout, json=json, where=where)


def _ask(verb: Verb, replica: str | None, *, timeout: float, json: bool, where: Where) -> int:
    chosen = settings(where)
    quiet()
    try:
        command = Command(verb=verb, replica=replica)
    except ValueError:
        raise Failure(
            "a replica is called by its id, as `leveret ctl ping` shows", code=WRONG_USE
        ) from None
    asking = Asking(command, lambda told: _print(told, json=json))
    return asyncio.run(_asked(asking, command, chosen, timeout))


async def _asked(asking: Asking, command: Command, chosen: Settings, timeout: float) -> int:  # noqa: ASYNC109 - the user's own
    try:
        await asking.ask(
            needed_url(chosen),
            Names(chosen.prefix),
            within=timeout,
            connect_timeout=chosen.connect_timeout,
        )
    except NotConfirmed as error:
        raise Failure(
            f"{error}; is it in alarm? `leveret doctor` says, and `leveret ctl ping` how replicas "
            "stand now"
        ) from None
    if not asking.answered:
        whom = "no replica" if command.replica is None else f"no replica {command.replica}"
        say(f"{whom} answered; see who is there with `leveret top --once`")
        return NOTHING_FOUND
    return FAILED if any(told.refused for told in asking.answered.values()) else DONE


def _print(told: Told, *, json: bool) -> None:
    if json:
        write(orjson.dumps(told.model_dump(mode="json", exclude={"id"})), b"\n")
        return
    state = f"refused: {told.refused}" if told.refused else told.state
    kept = ", maintenance" if told.maintenance else ""
    line = f"{told.replica}  {told.group}  {state}{kept}  {told.in_flight} in flight"
    write(f"{line}  {told.version}\n".encode())
