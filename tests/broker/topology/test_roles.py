"""With only its own rights at a real RabbitMQ, each role does its work and no other's."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from urllib.parse import unquote, urlsplit, urlunsplit

import aio_pika
import httpx
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel, AbstractConnection
from broker.topology.laid import (
    NAMES,
    RUNG,
    SOON,
    applied,
    arrival,
    imported,
    journal,
    publish,
    spec,
)

from topology import (
    Account,
    BrokerRefused,
    Role,
    Topology,
    definitions,
    design,
    explain,
    password_hash,
    plan,
)
from topology.apply import check, look


def as_user(amqp_url: str, user: str, password: str) -> str:
    """Return the same URL for another user."""
    url = urlsplit(amqp_url)
    return urlunsplit(url._replace(netloc=f"{user}:{password}@{url.hostname}:{url.port}"))


@pytest_asyncio.fixture
async def users(
    topology: Topology, amqp_url: str, management_url: str
) -> AsyncIterator[dict[Role, str]]:
    """Give the URL of each role's user, imported by definitions and removed afterwards."""
    vhost = unquote(urlsplit(amqp_url).path[1:])
    password, mark = secrets.token_hex(8), secrets.token_hex(4)
    hashed = password_hash(password, secrets.token_bytes(4))
    accounts = [Account(role, hashed, f"{role}-{mark}") for role in Role]
    await imported(management_url, definitions(topology, vhost=vhost, accounts=accounts))
    yield {one.role: as_user(amqp_url, one.name, password) for one in accounts}
    async with httpx.AsyncClient(base_url=management_url, timeout=SOON) as client:
        for one in accounts:
            (await client.delete(f"/api/users/{one.name}")).raise_for_status()


async def test_a_worker_checks_without_the_right_to_configure(
    connection: AbstractConnection,
    channel: AbstractChannel,
    topology: Topology,
    users: dict[Role, str],
) -> None:
    """The worker's user is told what is missing, cannot compare, and is refused with the cure."""
    async with await aio_pika.connect(users[Role.WORKER]) as worker:
        assert await check(worker, topology) == ()
        assert "not compared" in explain(plan(topology, await look(worker, topology)))
        await channel.queue_delete(NAMES.work("one"))
        (missing,) = await check(worker, topology)
        assert str(missing) == "queue t.work.one"
        with pytest.raises(BrokerRefused, match="user of the topology role") as refused:
            await applied(worker, topology)
        assert "\n" not in str(refused.value)
    assert len(await check(connection, topology)) == 1


async def test_each_role_can_do_its_work(topology: Topology, users: dict[Role, str]) -> None:
    """With only its own permissions each role does all that it is for."""
    async with await aio_pika.connect(users[Role.TOPOLOGY]) as declaring:
        await applied(declaring, design(spec(declaring)))
        assert plan(topology, await look(declaring, topology)).nothing_to_do
    async with await aio_pika.connect(users[Role.PUBLISHER]) as publishing:
        asking = await publishing.channel(on_return_raises=True)
        agent = urlsplit(users[Role.PUBLISHER]).username or ""
        mailbox, key = NAMES.mailbox(agent, "inbox"), NAMES.mailbox_key(agent, "inbox")
        box = await asking.declare_queue(mailbox, exclusive=True)
        await box.bind(NAMES.replies, key)
        await publish(asking, NAMES.requests, "task_request.echo")
        async with await aio_pika.connect(users[Role.WORKER]) as working:
            doing = await working.channel(on_return_raises=True)
            own = await doing.declare_queue(NAMES.control_queue("r"), exclusive=True)
            await own.bind(NAMES.control)
            assert (await arrival(doing, NAMES.work("one"))).body == b"x"
            await publish(doing, NAMES.replies, key, b"answer")
            await publish(doing, NAMES.retry(RUNG), NAMES.work("two"))
            await publish(doing, NAMES.dead, NAMES.dead_key("one"), b"letter")
        assert (await arrival(asking, mailbox)).body == b"answer"
    async with await aio_pika.connect(users[Role.OPERATOR]) as operating:
        looking = await operating.channel(on_return_raises=True)
        assert (await arrival(looking, NAMES.dead_queue("one"))).body == b"letter"
        assert (await journal(looking)).body == b"letter"
        await publish(looking, "", NAMES.work("one"), b"replay")
        await publish(looking, NAMES.dead, NAMES.journal_key, b"replayed")


async def test_a_publisher_is_kept_out_of_what_workers_write(
    topology: Topology, users: dict[Role, str]
) -> None:
    """A publisher's copy to a rung, a dead letter or a queue by its name closes its channel."""
    del topology
    async with await aio_pika.connect(users[Role.PUBLISHER]) as publishing:
        for exchange, key in (
            (NAMES.retry(RUNG), NAMES.work("one")),
            (NAMES.dead, NAMES.dead_key("one")),
            ("", NAMES.work("one")),
        ):
            forging = await publishing.channel(on_return_raises=True)
            with pytest.raises(aio_pika.exceptions.ChannelClosed, match="ACCESS_REFUSED"):
                await publish(forging, exchange, key)
