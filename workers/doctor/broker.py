"""What the broker shows: version, topology, rights, consumers, replicas, dead letters.

Each check is given what was seen and judges it; only `see` looks.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple

from aio_pika.exceptions import AMQPChannelError

from topology import BrokerVersion, Names, Role, plan
from topology.apply import broker_version, look
from topology.plan import Keep
from topology.traps import OLDEST, traps
from workers.counting import plural, some
from workers.doctor.finding import Finding, note, ok, wrong
from workers.doctor.unsafe import circumstances, unsafe_differences
from workers.link.ground import connected, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aio_pika import Connection

    from topology import Plan
    from workers.presence.roster import Replica
    from workers.presence.watching import Picture
    from workers.settings import Settings


class Seen(NamedTuple):
    """What one look at the broker told."""

    version: BrokerVersion
    plan: Plan | None
    #: What this user may not do that a worker must, by exchange.
    refused: tuple[str, ...] = ()


async def see(settings: Settings) -> Seen:
    """Look at the broker; raises LinkError or TopologyError where that cannot be done."""
    async with connected(settings) as connection:
        version = broker_version(connection)
        if version < OLDEST:
            return Seen(version, None)
        topology = wanted(settings, connection)
        made = plan(topology, await look(connection, topology))
        there = {step.name for step in made.steps if isinstance(step, Keep)}
        names = Names(settings.prefix)
        mine = f"doctor.{secrets.token_hex(4)}"
        refused = (
            await _refused(connection, names.control, names.control_queue(mine))
            if names.control in there
            else ""
        )
        return Seen(version, made, (refused,) if refused else ())


async def _refused(connection: Connection, exchange: str, queue: str) -> str:
    """Return why this user may not listen to an exchange, in a queue that is gone at once."""
    channel = await connection.channel()
    try:
        mine = await channel.declare_queue(queue, exclusive=True, auto_delete=True)
        await mine.bind(exchange)
        await mine.delete()
    except AMQPChannelError as error:
        return " ".join(str(error).split())
    await channel.close()
    return ""


def version(settings: Settings, seen: Seen) -> Iterator[Finding]:
    """Tell the broker's version, and which of its traps bite here."""
    yield ok("broker", f"RabbitMQ {seen.version} answers at {settings.amqp_url}")
    for trap in traps(seen.version, circumstances(settings)):
        if trap.bites:
            yield wrong(f"version.{trap.name}", trap.what, trap.advice)


def topology(seen: Seen) -> Finding:
    """Tell whether exchanges and queues are as they should be."""
    made = seen.plan
    if made is None:
        return wrong("topology", "cannot be declared on this version", "upgrade the broker")
    if unsafe_differences(made):
        names = some([one.name for one in unsafe_differences(made)])
        return wrong(
            "topology",
            f"messages could be lost: {names} at the broker are not as they must be",
            "run `leveret topology plan`, which says argument by argument what to do",
        )
    if made.mismatches:
        names = some([one.name for one in made.mismatches])
        return wrong(
            "topology",
            f"{names} at the broker are not as configured",
            "run `leveret topology plan`, which says argument by argument what to do",
        )
    if made.changes:
        told = plural(
            len(made.changes),
            "exchange, queue or binding is missing",
            "exchanges, queues or bindings are missing",
        )
        return wrong("topology", told, "run `leveret topology apply`")
    notes = [step.note for step in made.steps if isinstance(step, Keep) and step.note]
    if notes:
        return note("topology", notes[0], "look again as the user of the topology role")
    return ok("topology", "exchanges and queues are as they should be")


def rights(settings: Settings, seen: Seen) -> Finding:
    """Tell whether this user may do what a worker does beside its work."""
    if seen.refused:
        return wrong(
            "rights",
            f"this user may not hear commands, as workers and operators do: {seen.refused[0]}",
            "look as the user a worker runs with, or as an operator's; if it is one of them, give "
            f"it the rights of its role (`leveret topology export --users --prefix "
            f"{settings.prefix}` has them)",
        )
    return ok("rights", "this user may hear commands, as workers and operators do")


def not_for_this_user(settings: Settings) -> Finding:
    """Tell a worker's user that the rest is an operator's to see: it is not to have more rights."""
    return note(
        "watching",
        "replicas and dead letters are not for this user to see, which is right for a worker's",
        "to have them looked at too, run `leveret doctor` as the operator's user "
        f"({settings.prefix}.{Role.OPERATOR} in `leveret topology export --users`)",
    )


def consumers(settings: Settings, picture: Picture) -> Iterator[Finding]:
    """Tell of each group whether somebody takes its work."""
    names = Names(settings.prefix)
    for group in settings.group_specs():
        queues = picture.queues or {}
        depth = queues.get(names.work(group.name))
        if depth is None:
            continue
        urgent = queues.get(names.urgent(group.name))
        waiting = depth.messages + (urgent.messages if urgent else 0)
        check = f"consumers.{group.name}"
        if depth.consumers:
            takers = plural(depth.consumers, "worker takes", "workers take")
            told = f"{takers} the group's work, {plural(waiting, 'message')} waiting"
            yield ok(check, told)
        else:
            told = f"nobody takes the work of the group {group.name}, {waiting} waiting"
            yield note(check, told, _to_serve(group.name, picture.replicas))


def unknown_groups(settings: Settings, present: Sequence[Replica]) -> Iterator[Finding]:
    """Tell of replicas whose group is not configured here: their queues take requests as well."""
    known = {group.name for group in settings.group_specs()}
    theirs = sorted({one.told("group") for one in present} - known - {""})
    if theirs:
        yield note(
            "groups",
            f"replicas serve groups that are not configured here: {some(theirs)}",
            "if they are meant, look with their configuration; `leveret topology plan "
            "--management-url …` names all queues that get requests",
        )


def _to_serve(group: str, present: Sequence[Replica]) -> str:
    """Return how a group gets somebody who takes its work."""
    theirs = [one for one in present if one.told("group") == group]
    if any(one.state == "paused" for one in theirs):
        return "its workers are paused: leveret ctl resume"
    return f"start a worker: leveret run --group {group}"


def replicas(present: Sequence[Replica]) -> Finding:
    """Tell who is there by its heartbeats, and who of them does not work."""
    idle = [f"{one.agent.agent_id} ({one.state})" for one in present if one.state != "serving"]
    versions = sorted({one.told("version") for one in present})
    if idle:
        advice = "see its /readyz for the reason; `leveret ctl resume` ends a pause"
        return note("replicas", f"not serving: {some(idle)}", advice)
    if len(versions) > 1:
        told = f"replicas of several versions: {', '.join(versions)}"
        return note("replicas", told, "finish the roll-out")
    if not present:
        return note("replicas", "no heartbeat was heard", "start a worker: leveret run")
    return ok("replicas", plural(len(present), "replica is serving", "replicas are serving"))


def dead_letters(picture: Picture) -> Finding:
    """Tell how many messages wait for a person."""
    if picture.dead_letters is None:
        return note("dead_letters", "could not be counted", picture.trouble)
    if picture.dead_letters:
        return note(
            "dead_letters",
            f"{picture.dead_letters} open dead letters",
            "`leveret dlq groups` says why; fix, then `leveret dlq replay`, or discard",
        )
    return ok("dead_letters", "no open dead letters")
