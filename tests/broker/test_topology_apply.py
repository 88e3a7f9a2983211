"""The topology on a real RabbitMQ: applied, compared, refused, and doing what it is for."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import aio_pika
import httpx
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

from topology import (
    Account,
    Binding,
    BrokerLost,
    BrokerRefused,
    Delay,
    GroupSpec,
    Names,
    Role,
    Topology,
    TopologyMismatch,
    TopologySpec,
    definitions,
    design,
    explain,
    password_hash,
    plan,
    with_bindings,
)
from topology.apply import apply, broker_version, check, look
from topology.plan import Assure, Bind, Difference, Unbind
from topology.refusal import Untold

pytestmark = pytest.mark.broker

RUNG = Delay.parse("200ms")
NAMES = Names("t")
#: Seconds within which a broker on this machine must have done anything asked here.
SOON = 20.0


@pytest_asyncio.fixture
async def connection(amqp_url: str) -> AsyncIterator[AbstractConnection]:
    """Give a plain connection to an empty virtual host."""
    async with await aio_pika.connect(amqp_url) as opened:
        yield opened


@pytest_asyncio.fixture
async def channel(connection: AbstractConnection) -> AbstractChannel:
    """Give a channel on which an unroutable publish raises."""
    return await connection.channel(on_return_raises=True)


@pytest.fixture
def topology(connection: AbstractConnection) -> Topology:
    """Give two groups that take the same messages, for the version of the broker at hand."""
    return design(spec(connection))


def spec(connection: AbstractConnection, prefix: str = "t") -> TopologySpec:
    """Return the specification of two groups that take the same messages."""
    return TopologySpec(
        prefix=prefix,
        groups=(GroupSpec(name="one"), GroupSpec(name="two")),
        retry_delays=(RUNG,),
        broker_version=broker_version(connection),
    )


async def applied(connection: AbstractConnection, topology: Topology) -> None:
    """Bring the topology to the broker."""
    await apply(connection, plan(topology, await look(connection, topology)))


async def publish(channel: AbstractChannel, exchange: str, key: str, body: bytes = b"x") -> None:
    """Publish and wait until every queue that got it has confirmed."""
    target = await channel.get_exchange(exchange, ensure=False)
    async with asyncio.timeout(SOON):
        await target.publish(aio_pika.Message(body), key, mandatory=True)


async def waiting(channel: AbstractChannel, name: str) -> list[bytes]:
    """Take all that is in a queue now and return the bodies."""
    queue = await channel.get_queue(name, ensure=False)
    bodies = []
    while (message := await queue.get(no_ack=True, fail=False)) is not None:
        bodies.append(message.body)
    return bodies


async def arrival(
    channel: AbstractChannel, name: str, arguments: dict[str, Any] | None = None
) -> AbstractIncomingMessage:
    """Wait for the next message in a queue or stream and acknowledge it."""
    queue = await channel.get_queue(name, ensure=False)
    await channel.set_qos(prefetch_count=1)
    async with asyncio.timeout(SOON), queue.iterator(arguments=arguments) as messages:
        message = await anext(messages)
        await message.ack()
        return message


async def journal(channel: AbstractChannel) -> AbstractIncomingMessage:
    """Return the first message of the journal."""
    return await arrival(channel, NAMES.journal, {"x-stream-offset": "first"})


async def listed(management_url: str, amqp_url: str) -> list[dict[str, Any]]:
    """Return the bindings as the management API lists them."""
    vhost = quote(unquote(urlsplit(amqp_url).path[1:]), safe="")
    async with httpx.AsyncClient(base_url=management_url, timeout=SOON) as client:
        answer = await client.get(f"/api/bindings/{vhost}")
    rows: list[dict[str, Any]] = answer.raise_for_status().json()
    return rows


def as_user(amqp_url: str, user: str, password: str) -> str:
    """Return the same URL for another user."""
    url = urlsplit(amqp_url)
    return urlunsplit(url._replace(netloc=f"{user}:{password}@{url.hostname}:{url.port}"))


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


async def test_a_mismatch_is_explained_and_nothing_is_changed(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """Every differing argument is told with the broker's value, and apply refuses as a whole."""
    wanted = next(queue for queue in topology.queues if queue.name == NAMES.work("one"))
    other: dict[str, Any] = {**wanted.table(), "x-max-length-bytes": 5_000, "x-max-length": 7}
    del other["x-delivery-limit"]
    await channel.declare_queue(wanted.name, durable=True, arguments=other)
    made = plan(topology, await look(connection, topology))
    (mismatch,) = made.mismatches
    assert set(mismatch.differences) == {
        Difference("x-max-length-bytes", wanted=2**30, found=5_000),
        Difference("x-delivery-limit", wanted=20, found=None),
        Difference("x-max-length", wanted=None, found=7),
    }
    with pytest.raises(TopologyMismatch, match=r"x-max-length: we want none, .* has 7") as refused:
        await apply(connection, made)
    assert "\n" not in str(refused.value)
    assert len(await check(connection, topology)) == len(topology.declarations) - 1


async def test_another_kind_of_queue_and_exchange_is_explained(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """A classic queue and a direct exchange under our names are told as what they are."""
    await channel.declare_queue(NAMES.work("one"), durable=True)
    await channel.declare_exchange(NAMES.dead, "direct", durable=False)
    exchange, queue = plan(topology, await look(connection, topology)).mismatches
    assert set(exchange.differences) == {
        Difference("type", wanted="topic", found="direct"),
        Difference("durable", wanted=True, found=False),
    }
    told = {one.argument: one.found for one in queue.differences}
    assert "x-queue-type" in told
    assert told["x-dead-letter-exchange"] is None
    assert told["x-max-length-bytes"] is None


async def test_a_locked_queue_is_explained(
    connection: AbstractConnection, topology: Topology, amqp_url: str
) -> None:
    """A queue that another connection holds exclusively is a mismatch, not a failure."""
    async with await aio_pika.connect(amqp_url) as holder:
        held = await holder.channel()
        await held.declare_queue(NAMES.work("one"), exclusive=True)
        told = explain(plan(topology, await look(connection, topology)))
    assert "exclusive: we want false, the broker has true" in told


async def test_a_cut_answer_is_told_as_far_as_it_goes(
    connection: AbstractConnection, channel: AbstractChannel
) -> None:
    """Under long names the broker's value falls off its answer, and the plan says it differs."""
    prefix = "p" * 60
    topology = design(
        TopologySpec(
            prefix=prefix,
            groups=(GroupSpec(name="g" * 60),),
            retry_delays=(RUNG,),
            broker_version=broker_version(connection),
        )
    )
    await channel.declare_queue(Names(prefix).work("g" * 60), durable=True)
    (mismatch,) = plan(topology, await look(connection, topology)).mismatches
    assert Untold.UNTOLD in {one.found for one in mismatch.differences}


async def test_a_rung_gives_back_to_the_queue_it_came_from(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """After its delay a copy is in the one work queue that its key names, in no other group's."""
    await applied(connection, topology)
    rung, key = NAMES.retry(RUNG), NAMES.work("one")
    loop = asyncio.get_running_loop()
    began = loop.time()
    await publish(channel, rung, key, b"again")
    back = await arrival(channel, key)
    assert loop.time() - began >= RUNG.seconds * 0.8
    assert (back.body, back.routing_key, back.exchange) == (b"again", key, "")
    assert await waiting(channel, NAMES.work("two")) == []
    assert await waiting(channel, NAMES.urgent("one")) == []
    assert await waiting(channel, rung) == []


async def test_a_copy_can_wait_on_a_rung_many_times(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """A fresh copy of a message comes back from the same rung each time, as from the first."""
    await applied(connection, topology)
    for attempt in range(3):
        await publish(channel, NAMES.retry(RUNG), NAMES.urgent("two"), b"%d" % attempt)
        assert (await arrival(channel, NAMES.urgent("two"))).body == b"%d" % attempt


@pytest.mark.parametrize(
    ("key", "urgent"),
    [
        ("document", False),
        ("task_request.echo", False),
        ("document.urgent", False),
        ("task_request.urgent", False),
        ("task_request.echo.urgent", True),
        ("task_request.urgent.urgent", True),
    ],
)
async def test_each_group_gets_a_message_once(
    connection: AbstractConnection,
    channel: AbstractChannel,
    topology: Topology,
    key: str,
    *,
    urgent: bool,
) -> None:
    """A request reaches exactly one of a group's two queues."""
    await applied(connection, topology)
    await publish(channel, NAMES.requests, key)
    for group in ("one", "two"):
        assert await waiting(channel, NAMES.work(group)) == ([] if urgent else [b"x"])
        assert await waiting(channel, NAMES.urgent(group)) == ([b"x"] if urgent else [])


async def test_a_dead_letter_is_open_work_and_history(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """A dead letter is in its own group's queue and the journal; a note in the journal only."""
    await applied(connection, topology)
    await publish(channel, NAMES.dead, NAMES.dead_key("one"), b"letter")
    assert (await journal(channel)).body == b"letter"
    await publish(channel, NAMES.dead, NAMES.journal_key, b"note")
    assert await waiting(channel, NAMES.dead_queue("one")) == [b"letter"]
    assert await waiting(channel, NAMES.dead_queue("two")) == []


@pytest.mark.parametrize("queue", [NAMES.work("two"), NAMES.urgent("two")])
async def test_the_broker_dead_letters_into_the_same_place(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology, queue: str
) -> None:
    """What a worker drops without a word is among its group's dead letters and in history."""
    await applied(connection, topology)
    await publish(channel, "", queue, b"dropped")
    work = await channel.get_queue(queue, ensure=False)
    await (await work.get(timeout=SOON)).reject(requeue=False)
    assert (await arrival(channel, NAMES.dead_queue("two"))).body == b"dropped"
    assert (await journal(channel)).body == b"dropped"
    assert await waiting(channel, NAMES.dead_queue("one")) == []


async def test_a_dead_letter_survives_any_number_of_looks(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """A letter that is taken and given back thirty times is still there."""
    await applied(connection, topology)
    await publish(channel, NAMES.dead, NAMES.dead_key("one"), b"letter")
    letters = await channel.get_queue(NAMES.dead_queue("one"), ensure=False)
    async with asyncio.timeout(SOON), letters.iterator() as messages:
        for _ in range(30):
            await (await anext(messages)).nack(requeue=True)
    assert (await arrival(channel, NAMES.dead_queue("one"))).body == b"letter"


async def test_a_poisonous_message_is_given_up_by_the_broker(
    connection: AbstractConnection, channel: AbstractChannel, topology: Topology
) -> None:
    """A message that is given back over and over ends among the dead letters, at the limit."""
    await applied(connection, topology)
    await publish(channel, "", NAMES.work("one"), b"poison")
    work = await channel.get_queue(NAMES.work("one"), ensure=False)

    async def give_back(message: AbstractIncomingMessage) -> None:
        await message.reject(requeue=True)

    tag = await work.consume(give_back)
    assert (await arrival(channel, NAMES.dead_queue("one"))).body == b"poison"
    await work.cancel(tag)


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


async def imported(management_url: str, told: dict[str, Any]) -> None:
    """Import definitions through the management API."""
    async with httpx.AsyncClient(base_url=management_url, timeout=SOON) as client:
        (await client.post("/api/definitions", json=told)).raise_for_status()


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


async def test_a_closed_connection_is_told_in_one_line(amqp_url: str) -> None:
    """Without a connection every verb fails with one line that says what to do."""
    async with await aio_pika.connect(amqp_url) as closed:
        topology = design(spec(closed))
    with pytest.raises(BrokerLost, match="try again") as lost:
        await look(closed, topology)
    assert "\n" not in str(lost.value)
