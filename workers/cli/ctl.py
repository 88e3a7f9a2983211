"""`leveret ctl`: speak to running replicas over the control exchange."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final, Literal

import orjson
from cyclopts import Parameter

from topology import Names
from workers.cli import DONE, FAILED, NOTHING_FOUND, Failure
from workers.cli.options import NOWHERE, Where, needed_url, quiet, settings
from workers.cli.say import say, write
from workers.control.commands import Command, Told, Verb, read_told
from workers.link.client import Client
from workers.publication import Publication, Published

if TYPE_CHECKING:
    from workers.outcome import Delivery

#: Seconds without a further answer after which all have answered who will.
SETTLED: Final = 0.5
#: Seconds to wait for the first answer; a pause or a busy worker takes a moment.
FIRST: Final = 3.0

Json = Annotated[bool, Parameter(negative="", help="Print a JSON document a replica, one a line.")]
Timeout = Annotated[float, Parameter(help="Seconds to wait for the first answer.")]


def ping(
    replica: str | None = None,
    *,
    timeout: Timeout = FIRST,
    json: Json = False,
    where: Where = NOWHERE,
) -> int:
    """Ask replicas, or one by its id, how they stand. Exit code 3 when nobody answers.

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
    timeout: Timeout = FIRST,
    json: Json = False,
    where: Where = NOWHERE,
) -> int:
    """Have replicas finish what they began and leave, as on SIGTERM.

    Example: `leveret ctl drain host-4711`
    """
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
    if timeout <= 0:
        raise Failure("--timeout is above 0", code=2)
    try:
        command = Command(verb=verb, replica=replica)
    except ValueError:
        raise Failure(
            "a replica is called by its id, as `leveret ctl ping` shows", code=2
        ) from None
    asking = _Asking(command, json=json)
    names = Names(chosen.prefix)
    client = Client(
        needed_url(chosen),
        names,
        heard=asking.heard,
        connect_timeout=chosen.connect_timeout,
        operator=True,
    )
    return asyncio.run(asking.run(client, names, timeout))


class _Asking:
    """One command on its way, and the replicas' answers to it."""

    def __init__(self, command: Command, *, json: bool) -> None:
        self._command = command
        self._json = json
        self._answered: dict[str, Told] = {}
        self._unprinted: list[Told] = []
        self._came = asyncio.Event()

    async def run(self, client: Client, names: Names, timeout: float) -> int:  # noqa: ASYNC109 - the user's own
        """Send the command and print what comes; returns the exit code."""
        command = self._command
        async with client:
            message = Publication(
                names.control,
                "",
                command.model_dump_json().encode(),
                correlation_id=str(command.id),
                reply_to=client.reply_to,
                type="control",
            )
            try:
                async with asyncio.timeout(timeout):
                    fate = await client.publish(message)
            except TimeoutError:
                raise Failure("the broker did not confirm the command; is it in alarm?") from None
            if fate is Published.CLOSED:
                raise Failure(
                    f"the broker user may not publish to {names.control}; connect as one with the "
                    "permissions of the operator role (`leveret topology export --users`)"
                )
            if fate is Published.CONFIRMED:
                await self._gather(timeout)
        if not self._answered:
            whom = "no replica" if command.replica is None else f"no replica {command.replica}"
            say(f"{whom} answered; see who is there with `leveret top --once`")
            return NOTHING_FOUND if command.replica is None else FAILED
        return FAILED if any(told.refused for told in self._answered.values()) else DONE

    async def _gather(self, timeout: float) -> None:  # noqa: ASYNC109 - the user's own
        """Return when the one that is meant has answered, or no more answers come."""
        wait = timeout
        while True:
            try:
                async with asyncio.timeout(wait):
                    await self._came.wait()
            except TimeoutError:
                return
            self._came.clear()
            self._print()
            if self._command.replica is not None:
                return
            wait = SETTLED

    def heard(self, delivery: Delivery) -> None:
        """Take an answer."""
        told = read_told(delivery.body)
        if told is None or told.id != self._command.id or told.replica in self._answered:
            return
        self._answered[told.replica] = told
        self._unprinted.append(told)
        self._came.set()

    def _print(self) -> None:
        for told in self._unprinted:
            self._print_one(told)
        self._unprinted.clear()

    def _print_one(self, told: Told) -> None:
        if self._json:
            write(orjson.dumps(told.model_dump(mode="json", exclude={"id"})), b"\n")
            return
        state = f"refused: {told.refused}" if told.refused else told.state
        kept = ", maintenance" if told.maintenance else ""
        line = f"{told.replica}  {told.group}  {state}{kept}  {told.in_flight} in flight"
        write(f"{line}  {told.version}\n".encode())
