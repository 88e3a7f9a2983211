"""`leveret topology`: what is at the broker, what should be, and what of it is a trap."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from cyclopts import Parameter

from topology import (
    Account,
    BrokerVersion,
    Names,
    Role,
    definitions,
    explain,
    password_hash,
    summary,
    unknown_queues,
    with_bindings,
)
from topology import plan as plan_of
from topology.apply import apply as apply_to
from topology.apply import broker_version, look
from topology.document import document
from topology.explain import explain_step
from topology.export import SALT_BYTES
from topology.roles import user_of
from topology.traps import OLDEST, Trap, traps
from workers.broker import ManagementApi, ManagementError
from workers.cli import DONE, FAILED, WRONG_USE, Failure
from workers.cli.options import NOWHERE, Where, needed_url, quiet, settings
from workers.cli.say import say, write
from workers.counting import plural
from workers.doctor.http_api import http_api, removal, vhost_of
from workers.doctor.unsafe import circumstances
from workers.link.ground import connected, designed, wanted

if TYPE_CHECKING:
    from topology import Plan, Topology
    from topology.plan import Mismatch
    from workers.doctor.http_api import HttpApi
    from workers.settings import Settings

Json = Annotated[bool, Parameter(negative="", help="Print one JSON document.")]
Management = Annotated[
    str | None,
    Parameter(help="The broker's HTTP API, which alone can tell what is bound already."),
]


def plan(*, management_url: Management = None, json: Json = False, where: Where = NOWHERE) -> int:
    """Show what `apply` would change; changes nothing. Exit code 1 when something differs.

    Example: `leveret topology plan`
    """
    found = asyncio.run(_planned(_settings(where), management_url, change=False))
    return _show(found, json=json, changed=False)


def apply(*, management_url: Management = None, json: Json = False, where: Where = NOWHERE) -> int:
    """Declare what is missing; nothing is changed when something differs, and safe to repeat.

    Example: `leveret topology apply`
    """
    found = asyncio.run(_planned(_settings(where), management_url, change=True))
    return _show(found, json=json, changed=not found.mismatches)


def export(
    *,
    version: Annotated[
        str | None,
        Parameter(name="--broker-version", help="Such as 4.0; that of the broker by default."),
    ] = None,
    vhost: Annotated[str | None, Parameter(help="The virtual host; the URL's by default.")] = None,
    users: Annotated[
        bool, Parameter(negative="", help="A user for each role, its new password on stderr.")
    ] = False,
    publisher: Annotated[
        list[str],
        Parameter(negative="", help="A publisher of this name in place of the one; repeatable."),
    ] = [],  # noqa: B006 - cyclopts copies it
    json: Annotated[bool, Parameter(negative="", help="On one line.")] = False,
    where: Where = NOWHERE,
) -> int:
    """Print definitions that RabbitMQ imports: rabbitmqctl import_definitions FILE.

    Give each program that publishes a user of its own: those who share one hear each other's
    answers.
    Example: `leveret topology export --broker-version 4.0 --users > definitions.json`
    Example: `leveret topology export --broker-version 4.0 --publisher alice > alice.json`
    """
    chosen = _settings(where)
    if version is None:
        topology = asyncio.run(_topology(chosen))
    else:
        topology = designed(chosen, BrokerVersion.parse(version))
    users_wanted = _users(topology.names, publisher, roles=users)
    passwords = {name: secrets.token_urlsafe(18) for name, _ in users_wanted}
    accounts = [_account(role, name, passwords[name]) for name, role in users_wanted]
    told = definitions(topology, vhost=vhost or vhost_of(chosen), accounts=accounts)
    for name, password in passwords.items():
        say(f"user {name} has the password {password}")
    write(orjson.dumps(told, option=0 if json else orjson.OPT_INDENT_2), b"\n")
    return DONE


def doctor(*, json: Json = False, where: Where = NOWHERE) -> int:
    """Say what this version of RabbitMQ does that one would not expect, and what to do about it.

    Exit code 1 when something bites as it is configured now.
    Example: `leveret topology doctor`
    """
    chosen = _settings(where)
    version, found = asyncio.run(_examined(chosen))
    if json:
        told = {"version": str(version), "traps": [trap._asdict() for trap in found]}
        write(orjson.dumps(told), b"\n")
    else:
        write(f"RabbitMQ {version}\n".encode())
        for trap in found:
            mark = "!" if trap.bites else "-"
            write(f"{mark} {trap.what}\n    what to do: {trap.advice}\n".encode())
    return FAILED if any(trap.bites for trap in found) else DONE


def _settings(where: Where) -> Settings:
    chosen = settings(where)
    quiet()
    return chosen


async def _planned(chosen: Settings, management_url: str | None, *, change: bool) -> Plan:
    needed_url(chosen)
    async with connected(chosen) as connection:
        topology = wanted(chosen, connection)
        found = await look(connection, topology)
        api = http_api(chosen, management_url)
        if api is not None:
            listing = _bindings(chosen, api)
            if api.named:  # what a guess tells is good for a note, and not to unbind by
                found = with_bindings(found, topology, listing)
            for queue in unknown_queues(topology, listing):
                say(
                    f"note: queue {queue} gets requests too, and no configured group has it; if "
                    "no worker serves it, copies fill it until it is removed: "
                    f"{removal(api, vhost_of(chosen), queue)}"
                )
        made = plan_of(topology, found)
        if change and not made.mismatches:
            await apply_to(connection, made)
        return made


async def _topology(chosen: Settings) -> Topology:
    if chosen.amqp_url is None:
        raise Failure(
            "say for which RabbitMQ: --broker-version 4.0, or name a broker to ask with --amqp-url",
            code=WRONG_USE,
        )
    async with connected(chosen) as connection:
        return wanted(chosen, connection)


async def _examined(chosen: Settings) -> tuple[BrokerVersion, tuple[Trap, ...]]:
    needed_url(chosen)
    async with connected(chosen) as connection:
        version = broker_version(connection)
        here = circumstances(chosen)
        found = await look(connection, wanted(chosen, connection)) if version >= OLDEST else None
        made = None if found is None else plan_of(wanted(chosen, connection), found)
        differing = () if made is None else tuple(map(_differing, made.mismatches))
        return version, (*differing, *traps(version, here))


def _differing(mismatch: Mismatch) -> Trap:
    told = ", ".join(one.argument for one in mismatch.differences)
    return Trap(
        "mismatch",
        f"{mismatch.kind} {mismatch.name} at the broker is not as it should be: {told}",
        "run `leveret topology plan`, which says argument by argument what to do",
        bites=True,
    )


def _show(made: Plan, *, json: bool, changed: bool) -> int:
    if json:
        write(orjson.dumps({**document(made), "applied": changed}), b"\n")
    elif changed:
        for step in made.changes:
            write(f"{explain_step(step)}\n".encode())
        say(f"done: {plural(len(made.changes), 'change')} made" if made.changes else summary(made))
    else:
        write(f"{explain(made)}\n".encode())
    return FAILED if made.mismatches else DONE


def _users(names: Names, publishers: list[str], *, roles: bool) -> list[tuple[str, Role]]:
    """Return who is to be made: one for each role, named publishers in place of the one."""
    named = [(name, Role.PUBLISHER) for name in publishers]
    if not roles:
        return named
    others = [role for role in Role if role is not Role.PUBLISHER or not named]
    return [*((user_of(role, names), role) for role in others), *named]


def _account(role: Role, name: str, password: str) -> Account:
    return Account(role, password_hash(password, secrets.token_bytes(SALT_BYTES)), name)


def _bindings(chosen: Settings, api: HttpApi) -> list[dict[str, Any]]:
    """Return what is bound; a guessed API that does not answer is not missed."""
    try:
        return ManagementApi(api.url).bindings(vhost_of(chosen))
    except (ManagementError, ValueError):
        if api.named:
            raise
        return []
