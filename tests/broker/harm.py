"""What the tests of healing share: work to do meanwhile, and an operator's hard hand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from broker.worker import eventually

from messages import ProtocolModel
from workers import Context, Registry

if TYPE_CHECKING:
    from broker.vhost import Vhost
    from broker.worker import Asking

    from workers.broker import PrivateBroker
    from workers.probes.health import Health
    from workers.service import Service


#: What the names of workers' connections begin with.
WORKERS: Final = "leveret worker "


class Words(ProtocolModel):
    """Parameters of every task here."""

    text: str = ""


def echoing() -> Registry:
    """Return a processor that takes a moment, so that some messages are always under way."""
    registry = Registry()

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Words:
        await asyncio.sleep(0.01)
        return words

    return registry


async def close_connections(own: PrivateBroker, vhost: Vhost, purpose: str) -> None:
    """Close the workers' connections whose name ends like this, as an operator does.

    By the node itself: the HTTP API learns of a connection only after seconds.
    """
    end = f"({purpose})"
    # Not the asker's, whose own publications would be lost with it.
    name = (
        f'binary:match(N, <<"{WORKERS}">>) =/= nomatch, '
        f'binary:part(N, byte_size(N), -{len(end)}) =:= <<"{end}">>'
    )
    find = "rabbit_networking:connection_info_all([pid, vhost, client_properties])"
    closed = await asyncio.to_thread(
        own.nodes[0].control,
        "eval",
        f'[rabbit_networking:close_connection(P, "test") || '
        f"[{{_, P}}, {{_, V}}, {{_, C}}] <- {find}, "
        f'V =:= <<"{vhost.name}">>, {{<<"connection_name">>, _, N}} <- C, {name}].',
    )
    assert "ok" in closed, f"no connection to {purpose} was seen"


def health_of(service: Service) -> Health:
    """Return what probes are told."""
    return service._watch.health


async def ask(asking: Asking, count: int) -> list[str]:
    """Publish some tasks, all confirmed; return their ids."""
    return [await asking.publish(asking.task("echo")) for _ in range(count)]


async def answered(asking: Asking, told: list[str], *, within: float = 30.0) -> None:
    """See every one of them answered, and nothing dead-lettered."""
    await eventually(lambda: all(asking.answers[one] for one in told), within=within)
    assert not any(asking.letters.values())


def as_user(url: str, user: str, password: str) -> str:
    """Return the address with another login."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{place}"))
