"""All checks in their order; those that a failed one makes pointless are left out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiormq.exceptions import ChannelAccessRefused

from topology import TopologyError
from workers.doctor import agreement, broker, leftovers, machine, unsafe
from workers.doctor.finding import Finding, wrong
from workers.doctor.http_api import http_api
from workers.link.ground import FramesTooSmall
from workers.link.supervisor import BrokerUnreachable, LinkError
from workers.presence.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from workers.presence.watching import Picture
    from workers.settings import Settings

#: Seconds beyond a heartbeat interval until silence means that nobody is there.
BEYOND: Final = 0.5
#: Seconds between looks whether all have spoken.
LOOK_EVERY: Final = 0.1
#: The finding that no broker could be looked at.
UNREACHABLE: Final = "broker"


def here(settings: Settings, modules: Collection[str] = ()) -> Iterator[Finding]:
    """Yield what can be told without a broker; `modules` are as for `leveret run`."""
    yield machine.python()
    yield machine.packages()
    found, registry = machine.processors(settings, modules)
    yield found
    yield machine.http_port(settings)
    yield from unsafe.checks(settings, registry)


async def there(settings: Settings, management_url: str | None = None) -> list[Finding]:
    """Return what the broker shows; only its HTTP API lists queues that no group here has."""
    if settings.amqp_url is None:
        return [
            wrong(
                UNREACHABLE,
                "no broker is configured",
                "set LEVERET_AMQP_URL=amqp://user:password@host/vhost, or start one: "
                "leveret broker start",
            )
        ]
    try:
        seen = await broker.see(settings)
    except BrokerUnreachable as error:
        return [wrong(UNREACHABLE, *_split(error))]
    except FramesTooSmall as error:
        return [wrong("frame_max", *_split(error))]
    except (LinkError, TopologyError) as error:
        return [wrong("login", *_split(error))]
    found = [*broker.version(settings, seen), broker.topology(seen)]
    if seen.plan is None or seen.plan.changes:
        return found  # nobody can listen to what is not there
    found.append(broker.rights(settings, seen))
    if seen.refused:
        return found
    return [*found, *await _running(settings, management_url)]


async def _running(settings: Settings, management_url: str | None) -> list[Finding]:
    try:
        looked = await leftovers.look(settings, http_api(settings, management_url))
        async with Watching(settings) as watching:
            picture = await _heard(watching, settings, strangers=bool(looked.left))
    except (LinkError, TopologyError) as error:
        if isinstance(error.__cause__, ChannelAccessRefused):
            return [broker.not_for_this_user(settings)]
        return [wrong("watching", *_split(error))]
    return [
        *broker.consumers(settings, picture),
        broker.replicas(picture.replicas),
        *agreement.types(picture.replicas),
        *broker.unknown_groups(settings, picture.replicas),
        *leftovers.findings(settings, looked, picture.replicas),
        broker.dead_letters(picture),
    ]


async def _heard(watching: Watching, settings: Settings, *, strangers: bool = False) -> Picture:
    """Return a picture once every consumer had time to speak, and `strangers` who have none."""
    loop = asyncio.get_running_loop()
    until = loop.time() + settings.heartbeat_interval + BEYOND
    ours = {group.name for group in settings.group_specs()}
    while True:
        picture = await watching.look()
        # A paused replica consumes nothing and is there all the same: only time tells of none. It
        # stands for no consumer, nor does one of another group: one of ours may still be silent.
        takers = [one for one in picture.replicas if one.state != "paused"]
        heard = sum(one.told("group") in ours for one in takers)
        all_spoke = not strangers and 0 < picture.workers <= heard
        if all_spoke or loop.time() > until:
            return picture
        await asyncio.sleep(LOOK_EVERY)


def _split(error: Exception) -> tuple[str, str]:
    """Return what happened, and what to do: our errors say both, apart by a semicolon."""
    told, _, advice = " ".join(str(error).split()).partition("; ")
    return told, advice
