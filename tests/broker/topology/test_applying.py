"""The topology on a real RabbitMQ: looked at, applied, healed and exported."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractConnection
from broker.topology.laid import NAMES, applied, imported, listed, publish, spec, waiting

from topology import Binding, BrokerLost, Topology, definitions, design, plan, with_bindings
from topology.apply import apply, check, look
from topology.plan import Assure, Bind, Unbind


async def test_an_applied_topology_needs_nothing_more(
    connection: AbstractConnection, topology: Topology
) -> None:
    """An empty virtual host gets everything, and the next plan has nothing to do."""
    first = plan(topology, await look(connection, topology))
    assert len(first.changes) == len((*topology.declarations, *topology.bindings))
    assert set(await check(connection, topology)) != set()
    await apply(connection, first)
    again = plan(topology, await look(connection, topology))
    assert again.nothing_to_do
    assert await check(connection, topology) == ()
    await apply(connection, again)


async def test_looking_changes_nothing(connection: AbstractConnection, topology: Topology) -> None:
    """Looking at an empty virtual host leaves it empty."""
    await look(connection, topology)
    assert len(await check(connection, topology)) == len(topology.declarations)


async def test_a_robust_connection_remembers_nothing(amqp_url: str) -> None:
    """Over a robust connection, looking and applying leave no channel that declares again."""
    async with await aio_pika.connect_robust(amqp_url) as robust:
        topology = design(spec(robust))
        await applied(robust, topology)
        assert plan(topology, await look(robust, topology)).nothing_to_do
        assert robust.transport is not None
        assert not any(robust.transport.connection.channels.values())


async def test_bindings_are_healed_by_a_listing(
    connection: AbstractConnection,
    channel: AbstractChannel,
    topology: Topology,
    amqp_url: str,
    management_url: str,
) -> None:
    """With a listing the plan sees a lost binding and a stale one, and applying mends both."""
    await applied(connection, topology)
    work = await channel.get_queue(NAMES.work("one"), ensure=False)
    await work.bind(NAMES.requests, "#")
    await work.unbind(NAMES.requests, "*.*")

    async def seen() -> Any:
        found = await look(connection, topology)
        return plan(
            topology, with_bindings(found, topology, await listed(management_url, amqp_url))
        )

    mend = await seen()
    assert mend.changes == (
        Bind(Binding(NAMES.requests, NAMES.work("one"), "*.*")),
        Unbind(Binding(NAMES.requests, NAMES.work("one"), "#")),
    )
    await apply(connection, mend)
    healed = await seen()
    assert healed.nothing_to_do
    assert not any(isinstance(step, Assure) for step in healed.steps)


async def test_applying_restores_a_lost_binding_without_a_listing(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """Though AMQP cannot show bindings, applying again makes a lost one."""
    await applied(connection, topology)
    work = await channel.get_queue(NAMES.work("one"), ensure=False)
    await work.unbind(NAMES.requests, "*")
    await applied(connection, topology)
    await publish(channel, NAMES.requests, "document")
    assert await waiting(channel, NAMES.work("one")) == [b"x"]


async def test_the_export_is_the_topology(
    connection: AbstractConnection, topology: Topology, amqp_url: str, management_url: str
) -> None:
    """Definitions imported by the broker leave nothing to do, bindings included."""
    vhost = unquote(urlsplit(amqp_url).path[1:])
    await imported(management_url, definitions(topology, vhost=vhost))
    found = with_bindings(
        await look(connection, topology), topology, await listed(management_url, amqp_url)
    )
    made = plan(topology, found)
    assert made.nothing_to_do
    assert not any(isinstance(step, Assure) for step in made.steps)


async def test_a_closed_connection_is_told_in_one_line(amqp_url: str) -> None:
    """Without a connection every verb fails with one line that says what to do."""
    async with await aio_pika.connect(amqp_url) as closed:
        topology = design(spec(closed))
    with pytest.raises(BrokerLost, match="try again") as lost:
        await look(closed, topology)
    assert "\n" not in str(lost.value)
