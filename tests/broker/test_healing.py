"""Whatever ends under a worker, it comes back by itself, and tells the truth meanwhile.

In each case: every task published is answered, nothing is dead-lettered because of the fault.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from broker.harm import answered, ask, close_connections, health_of
from broker.worker import NAMES, Asking, eventually, serving

from workers.link import consuming, silence
from workers.link.wire import ack

if TYPE_CHECKING:
    from broker.vhost import Vhost

    from workers import Registry
    from workers.broker import PrivateBroker
    from workers.service import Service

WORK = NAMES.work("default")


@pytest.fixture
def broker(own: PrivateBroker) -> PrivateBroker:
    """Return where the virtual hosts of these tests are."""
    return own


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
        await eventually(lambda: health_of(service).reason is None)
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
        await eventually(lambda: "topology apply" in (health_of(service).reason or ""))
        await vhost.make_queue(WORK, form)
        await eventually(lambda: health_of(service).reason is None)
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
        assert health_of(service).reason is None


async def test_a_broker_that_is_stopped_under_load_costs_nothing(
    scene: tuple[PrivateBroker, Service, Asking], registry: Registry
) -> None:
    """All that was confirmed is answered when it is back; leaving meanwhile takes seconds."""
    own, service, asking = scene
    async with serving(own.amqp_url, registry) as (other, _):
        told = await ask(asking, 40)
        node = own.nodes[0]
        await asyncio.to_thread(node.stop)
        await eventually(lambda: "reconnecting" in (health_of(service).reason or ""))
        await eventually(lambda: "reconnecting" in (health_of(other).reason or ""))
        began = time.monotonic()
        await other.drain()
        # 5 s of grace, and 5 s at most for a line that has not noticed yet; the rest is leeway.
        assert time.monotonic() - began < 30.0
    await asyncio.to_thread(node.start)
    told += await ask(asking, 20)
    await answered(asking, told)
    await eventually(lambda: health_of(service).reason is None)


async def test_a_drain_does_not_wait_for_a_broker_that_does_not_answer(
    own: PrivateBroker, registry: Registry
) -> None:
    """Nor does one whose connections are open and silent; each step is bounded."""
    async with serving(own.amqp_url, registry, drain_grace=0.5) as (service, _):
        own.nodes[0].freeze()
        try:
            began = time.monotonic()
            await service.drain()
            assert time.monotonic() - began < 40.0
        finally:
            own.nodes[0].thaw()
