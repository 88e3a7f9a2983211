"""Queues of groups that nobody configured and nobody serves: after a mistyped `--group`, say.

They get a copy of each request all the same, and once one of them is full the broker refuses
whoever publishes. Only its HTTP API lists queues that one does not know the names of; how full they
are is asked over AMQP, which is exact.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from topology import Names
from topology.apply import depths
from workers.broker import ManagementApi, ManagementError
from workers.counting import plural
from workers.doctor.finding import Finding, note, ok
from workers.doctor.http_api import removal, vhost_of
from workers.link.ground import connected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from topology.apply import Depth
    from workers.doctor.http_api import HttpApi
    from workers.presence.roster import Replica
    from workers.settings import Settings


class Left(NamedTuple):
    """The queues of a group that is not configured here, and that nobody takes from."""

    group: str
    queues: Mapping[str, Depth]
    #: Whether requests are routed to it.
    bound: bool


class Looked(NamedTuple):
    """What a look for such groups told."""

    #: Who was asked; None where nobody is known.
    api: HttpApi | None
    left: tuple[Left, ...] = ()
    #: Why it did not answer; empty where it did.
    trouble: str = ""


async def look(settings: Settings, api: HttpApi | None) -> Looked:
    """Look for groups that are left over; raises LinkError or TopologyError."""
    if api is None:
        return Looked(None)
    names, vhost = Names(settings.prefix), vhost_of(settings)
    asked = ManagementApi(api.url)
    configured = {group.name for group in settings.group_specs()}
    try:
        listed = await asyncio.to_thread(asked.queue_depths, vhost)
        bindings = await asyncio.to_thread(asked.bindings, vhost)
    except (ManagementError, ValueError) as error:  # ValueError: no URL, or no JSON
        return Looked(api, trouble=str(error))
    theirs = sorted(name for name in listed if names.group_of(name) not in {None, *configured})
    async with connected(settings) as connection:
        # One that the API lists and the broker does not have is another broker's: left out.
        return Looked(api, left(names, await depths(connection, theirs), bindings))


def left(
    names: Names, queues: Mapping[str, Depth], bindings: Iterable[Mapping[str, Any]]
) -> tuple[Left, ...]:
    """Return by group what nobody takes from, and what holds or gets something."""
    routed = {row["destination"] for row in bindings if row["source"] == names.requests}
    groups: dict[str, dict[str, Depth]] = defaultdict(dict)
    for name in sorted(queues, key=lambda one: (one.startswith(f"{names.dead}."), one)):
        groups[names.group_of(name) or ""][name] = queues[name]
    found = [Left(group, own, not routed.isdisjoint(own)) for group, own in sorted(groups.items())]
    return tuple(
        one
        for one in found
        if not any(
            depth.consumers
            for name, depth in one.queues.items()
            if name.startswith(f"{names.works}.")  # an operator at its dead letters serves nobody
        )
        and (one.bound or any(depth.messages for depth in one.queues.values()))
    )


def findings(settings: Settings, looked: Looked, present: Sequence[Replica]) -> Iterator[Finding]:
    """Tell of each group that is left over, unless a replica of it is there and only paused."""
    api = looked.api
    if api is None or looked.trouble:
        yield _not_listed(looked)
        return
    served = {one.told("group") for one in present}
    strays = [one for one in looked.left if one.group not in served]
    yield from (_stray(settings, one, api) for one in strays)
    if not strays:
        yield ok("queues", "none waits for a group that is neither configured here nor served")


def _not_listed(looked: Looked) -> Finding:
    if looked.api is not None and looked.api.named:
        advice = "name it with its port and a login that may see queues, as the monitoring role's"
        return note("queues", looked.trouble, advice)
    return ok(
        "queues",
        "those of groups that are not configured here were not looked for: only the broker's HTTP "
        "API lists them (--management-url http://user:password@host:15672)",
    )


def _stray(settings: Settings, one: Left, api: HttpApi) -> Finding:
    gets = (
        "; it gets requests, and once one of its queues is full, publishers are refused"
        if one.bound
        else ""
    )
    table = f"write a table [groups.{one.group}], then " if settings.groups else ""
    told = note(
        f"consumers.{one.group}",
        f"nobody takes the work of the group {one.group}, which is not configured here: "
        f"{_waiting(one.queues)}{gets}",
        f"start a worker for it ({table}leveret run --group {quote(one.group)}); if its name was a "
        "mistake, remove its queues with all they hold, by the commands below",
    )
    commands = (removal(api, vhost_of(settings), queue) for queue in one.queues)
    return told._replace(commands=tuple(commands))


def _waiting(queues: Mapping[str, Depth]) -> str:
    held = (f"{plural(one.messages, 'message')} in {name}" for name, one in queues.items())
    return f"{', '.join(held)}, no consumer"
