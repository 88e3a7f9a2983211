"""Whatever ends under a worker, it comes back by itself, and tells the truth meanwhile.

In each case: every task published is answered, nothing is dead-lettered because of the fault.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import pytest
from broker.command import leveret
from broker.vhost import Vhost
from broker.worker import NAMES, Asking, eventually, serving

from messages import ProtocolModel
from workers import Context, Registry
from workers.broker import NoBrokerError, PrivateBroker
from workers.link import consuming, silence
from workers.link.wire import ack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from workers.health import Health
    from workers.service import Service

WORK = NAMES.work("default")


class Words(ProtocolModel):
    """Parameters of every task here."""

    text: str = ""


@pytest.fixture
def registry() -> Registry:
    """Return a processor that takes a moment, so that some messages are always under way."""
    registry = Registry()

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Words:
        await asyncio.sleep(0.01)
        return words

    return registry


@pytest.fixture(scope="module")
def own() -> Iterator[PrivateBroker]:
    """Lend a broker that no other test talks to: it may be stopped, frozen and alarmed."""
    try:
        with PrivateBroker.start() as broker:
            yield broker
    except NoBrokerError as error:
        pytest.skip(str(error))


@pytest.fixture
def broker(own: PrivateBroker) -> PrivateBroker:
    """Return where the virtual hosts of these tests are."""
    return own


@pytest.fixture
def vhost(amqp_url: str, management_url: str) -> Vhost:
    """Return the means to harm this test's virtual host."""
    return Vhost(amqp_url, management_url)


async def close_connections(own: PrivateBroker, vhost: Vhost, purpose: str) -> None:
    """Close the connections whose name ends like this, as an operator does.

    By the node itself: the HTTP API learns of a connection only after seconds.
    """
    end = f"({purpose})"
    name = f'binary:part(N, byte_size(N), -{len(end)}) =:= <<"{end}">>'
    find = "rabbit_networking:connection_info_all([pid, vhost, client_properties])"
    closed = await asyncio.to_thread(
        own.nodes[0].control,
        "eval",
        f'[rabbit_networking:close_connection(P, "test") || '
        f"[{{_, P}}, {{_, V}}, {{_, C}}] <- {find}, "
        f'V =:= <<"{vhost.name}">>, {{<<"connection_name">>, _, N}} <- C, {name}].',
    )
    assert "ok" in closed, f"no connection to {purpose} was seen"


def _health(service: Service) -> Health:
    return service._watch.health


async def ask(asking: Asking, count: int) -> list[str]:
    """Publish some tasks, all confirmed; return their ids."""
    return [await asking.publish(asking.task("echo")) for _ in range(count)]


async def answered(asking: Asking, told: list[str], *, within: float = 30.0) -> None:
    """See every one of them answered, and nothing dead-lettered."""
    await eventually(lambda: all(asking.answers[one] for one in told), within=within)
    assert not any(asking.letters.values())


@pytest.mark.parametrize("purpose", ["consume", "publish"])
async def test_a_connection_closed_by_an_operator_is_made_anew(
    own: PrivateBroker, amqp_url: str, registry: Registry, vhost: Vhost, purpose: str
) -> None:
    """In the middle of the work, and nothing is lost."""
    async with serving(amqp_url, registry) as (service, metrics), Asking(amqp_url) as asking:
        told = await ask(asking, 60)
        await close_connections(own, vhost, purpose)
        told += await ask(asking, 60)
        await answered(asking, told)
        await eventually(lambda: _health(service).reason is None)
        await eventually(lambda: metrics.in_flight == 0)


async def test_a_channel_closed_by_the_broker_is_opened_anew(
    amqp_url: str, registry: Registry
) -> None:
    """Provoked by an ack of a tag that never was; the session's messages come again."""
    async with serving(amqp_url, registry) as (service, metrics), Asking(amqp_url) as asking:
        told = await ask(asking, 40)
        wire, channel = service.link.intake._wire, service.link.intake._channel
        assert wire is not None
        wire.write(ack(channel, 1 << 40, multiple=False))
        told += await ask(asking, 40)
        await answered(asking, told)
        await eventually(lambda: metrics.in_flight == 0)


async def test_a_deleted_queue_is_told_and_consumed_again_once_it_is_back(
    amqp_url: str, registry: Registry, vhost: Vhost
) -> None:
    """The broker cancels the consumer; probes hear why nothing is taken, and what to do."""
    async with serving(amqp_url, registry) as (service, _), Asking(amqp_url) as asking:
        await answered(asking, await ask(asking, 5))
        form = await vhost.delete_queue(WORK)
        await eventually(lambda: "topology apply" in (_health(service).reason or ""))
        await vhost.make_queue(WORK, form)
        await eventually(lambda: _health(service).reason is None)
        await answered(asking, await ask(asking, 5))


async def test_a_queue_made_again_at_once_does_not_stay_silent(
    amqp_url: str, registry: Registry, vhost: Vhost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cancel comes then, and the broker takes messages out for a consumer in the air."""
    monkeypatch.setattr(consuming, "LOOK_EVERY", 0.3)
    monkeypatch.setattr(silence, "RENEW_AFTER", 1.0)
    async with serving(amqp_url, registry) as (service, _), Asking(amqp_url) as asking:
        await answered(asking, await ask(asking, 5))
        for _ in range(2):
            form = await vhost.delete_queue(WORK)
            await vhost.make_queue(WORK, form)
            await answered(asking, await ask(asking, 5))
        assert _health(service).reason is None


async def test_a_right_taken_away_costs_no_message_and_few_attempts(
    own: PrivateBroker, amqp_url: str, registry: Registry, vhost: Vhost
) -> None:
    """Answers wait until the worker may write again; probes hear what it lacks."""
    user = f"worker-{vhost.name}"
    await vhost.user(user, "first")
    await vhost.permit(user)
    try:
        async with (
            serving(_as(amqp_url, user, "first"), registry) as (service, metrics),
            Asking(amqp_url) as asking,
        ):
            await answered(asking, await ask(asking, 5))
            await vhost.permit(user, write="^$")
            made = metrics._connections["publishing"]
            told = await ask(asking, 20)
            # Rights are remembered by the channel that used them: a new one must ask anew.
            await close_connections(own, vhost, "publish")
            told += await ask(asking, 20)
            await eventually(lambda: "may we write there" in (_health(service).reason or ""))
            await asyncio.sleep(2.0)  # the time in which attempts are counted
            assert metrics._connections["publishing"] - made <= 15
            assert metrics.in_flight > 0
            await vhost.permit(user)
            await answered(asking, told)
            await eventually(lambda: _health(service).reason is None)
    finally:
        await vhost.forget(user)


async def test_a_changed_password_is_tried_rarely_and_heals_when_it_is_put_right(
    own: PrivateBroker,
    amqp_url: str,
    registry: Registry,
    vhost: Vhost,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Refused logins are bounded, and say in words what is wrong."""
    user = f"worker-{vhost.name}"
    await vhost.user(user, "first")
    await vhost.permit(user)
    try:
        async with (
            serving(_as(amqp_url, user, "first"), registry) as (service, _),
            Asking(amqp_url) as asking,
        ):
            await vhost.user(user, "second")
            await close_connections(own, vhost, "consume")
            await eventually(lambda: "refused the login" in (_health(service).reason or ""))
            caplog.clear()
            await asyncio.sleep(2.0)  # the time in which attempts are counted
            assert caplog.text.count("refused the login") <= 10
            await vhost.user(user, "first")
            await answered(asking, await ask(asking, 5))
            assert _health(service).reason is None
    finally:
        await vhost.forget(user)


async def test_a_missing_exchange_holds_up_its_own_messages_only(
    amqp_url: str, registry: Registry, vhost: Vhost
) -> None:
    """The dead-letter exchange is gone: bad messages stay, good ones are answered, none is lost."""
    async with serving(amqp_url, registry) as (service, metrics), Asking(amqp_url) as asking:
        await answered(asking, await ask(asking, 5))
        form = await vhost.delete_exchange(NAMES.dead)
        bad = [asking.bytes(b"{}", f"bad-{number}") for number in range(5)]
        for publication in bad:
            await asking.publish(publication)
        await eventually(lambda: NAMES.dead in (_health(service).reason or ""))
        await answered(asking, await ask(asking, 40))
        await eventually(lambda: metrics.in_flight == len(bad))  # the bad ones, and no other
        await vhost.make_exchange(NAMES.dead, form)
        # Not by the journal: a letter may come before it is bound again.
        await eventually(lambda: metrics.ends("dead_lettered") == 5, within=30)
        await eventually(lambda: metrics.in_flight == 0)


def _as(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{place}"))


@pytest.fixture
async def scene(
    own: PrivateBroker, registry: Registry
) -> AsyncIterator[tuple[PrivateBroker, Service, Asking]]:
    """Lend a worker at that broker, and somebody who asks."""
    async with serving(own.amqp_url, registry) as (service, _), Asking(own.amqp_url) as asking:
        yield own, service, asking


async def test_an_alarm_holds_everything_and_harms_nothing(
    scene: tuple[PrivateBroker, Service, Asking], caplog: pytest.LogCaptureFixture
) -> None:
    """Blocked is told, in flight stays within the prefetch, and all is caught up afterwards."""
    own, service, asking = scene
    caplog.set_level("INFO", "leveret.service")
    told = await ask(asking, 50)
    await answered(asking, told)
    await asyncio.to_thread(own.nodes[0].control, "set_vm_memory_high_watermark", "absolute", "1MB")
    fates: list[object] = []
    more = [asking.task("echo") for _ in range(300)]
    for publication in more:
        asking.client.post(publication, fates.append)
    # The asker is blocked too; what came through before the broker said so makes the worker answer.
    service.link.publish(asking.task("echo"), lambda _: None)
    await eventually(lambda: (_health(service).reason or "").startswith("blocked"))
    assert service._watch.metrics.in_flight <= service.link.most_unsettled
    assert _health(service).not_consuming_for() == 0
    await asyncio.to_thread(own.nodes[0].control, "set_vm_memory_high_watermark", "absolute", "2GB")
    await eventually(lambda: len(fates) == len(more), within=30)
    await answered(asking, [publication.correlation_id or "" for publication in more])
    await eventually(lambda: _health(service).reason is None)
    lines = [one.message for one in caplog.records if one.name == "leveret.service"]
    assert [sum(said in line for line in lines) for said in ("is in alarm", "is over")] == [1, 1]


async def test_a_broker_that_is_stopped_under_load_costs_nothing(
    scene: tuple[PrivateBroker, Service, Asking], registry: Registry
) -> None:
    """All that was confirmed is answered when it is back; leaving meanwhile takes seconds."""
    own, service, asking = scene
    async with serving(own.amqp_url, registry) as (other, _):
        told = await ask(asking, 40)
        node = own.nodes[0]
        await asyncio.to_thread(node.stop)
        await eventually(lambda: "reconnecting" in (_health(service).reason or ""))
        await eventually(lambda: "reconnecting" in (_health(other).reason or ""))
        began = time.monotonic()
        await other.drain()
        # A line that has not noticed yet is waited for, 5 s at most.
        assert time.monotonic() - began < 10.0
    await asyncio.to_thread(node.start)
    told += await ask(asking, 20)
    await answered(asking, told)
    await eventually(lambda: _health(service).reason is None)


async def test_frames_too_small_for_a_dead_letter_are_refused_at_the_start(
    own: PrivateBroker,
) -> None:
    """By `run` and `doctor`, with the size that is needed."""
    frames = "application:set_env(rabbit, frame_max, {})."
    await asyncio.to_thread(own.nodes[0].control, "eval", frames.format(8_192))
    try:
        for command, code in (("run", 1), ("doctor", 1)):
            ended = await leveret(command, url=own.amqp_url, LEVERET_HTTP_PORT="0")
            assert ended.code == code
            said = " ".join((ended.err + ended.out).split())
            assert "takes frames of 8192 bytes" in said
            assert "raise frame_max" in said
    finally:
        await asyncio.to_thread(own.nodes[0].control, "eval", frames.format(131_072))


async def test_a_drain_does_not_wait_for_a_broker_that_does_not_answer(
    own: PrivateBroker, registry: Registry
) -> None:
    """Nor does one whose connections are open and silent; each step is bounded."""
    async with serving(own.amqp_url, registry, drain_grace=0.5) as (service, _):
        own.nodes[0].freeze()
        try:
            began = time.monotonic()
            await service.drain()
            assert time.monotonic() - began < 20.0
        finally:
            own.nodes[0].thaw()
