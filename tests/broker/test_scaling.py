"""One supervisor whose replicas follow the load, and what it says of them."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from broker.processes import TESTS, running
from broker.worker import Asking, eventually
from waiting import until

from workers.broker.ports import free_ports
from workers.probes.health import Health
from workers.replicas import replicas as replicas_module
from workers.replicas.overseeing import LOOK_EVERY, oversee
from workers.replicas.replicas import Replicas, Start
from workers.replicas.scaling import Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.broker

PREFETCH = 10
#: Enough for several seconds of both replicas, at a second for each message.
MESSAGES = 60
STARTS_WITHIN = 40.0


@asynccontextmanager
async def supervised(url: str, limits: Limits) -> AsyncIterator[tuple[Replicas, Health]]:
    """Lend a supervisor of real `leveret run` processes that has begun to consume."""
    inherited = {key: value for key, value in os.environ.items() if "LEVERET_" not in key}
    environment = inherited | {
        "PYTHONPATH": str(TESTS),
        "LEVERET_AMQP_URL": url,
        "LEVERET_HTTP_PORT": "0",
        "LEVERET_PREFETCH": str(PREFETCH),
        "LEVERET_DRAIN_GRACE": "5s",
    }
    replicas = Replicas(Start(["run", "broker.killing:registry"], environment, 5.0), 1)
    health = Health()
    life = asyncio.create_task(replicas.run())
    watching = oversee(replicas, health, prefetch=PREFETCH, limits=limits, patience=60.0)
    watch = asyncio.create_task(watching)
    try:
        assert health.reason is not None
        await eventually(lambda: health.reason is None, within=STARTS_WITHIN)
        yield replicas, health
    finally:
        replicas.leave()
        assert await life
        watch.cancel()


async def test_replicas_follow_the_load(amqp_url: str, tmp_path: Path) -> None:
    """Full hands bring a second one, calm takes it away again, and every message is answered."""
    limits = Limits(most=2, grow_after=0.5, shrink_after=3.0)
    parameters = {"seconds": 1.0, "ledger": str(tmp_path / "ledger")}
    async with supervised(amqp_url, limits) as (replicas, health), Asking(amqp_url) as asking:
        assert health.remark == "1 of 1 replica takes messages"
        asked = [
            await asking.publish(asking.task("word", parameters=parameters))
            for _ in range(MESSAGES)
        ]
        await eventually(
            lambda: health.remark == "2 of 2 replicas take messages", within=STARTS_WITHIN
        )
        assert set(await replicas.pages("/metrics")) == {"0", "1"}
        await eventually(lambda: replicas.wanted == 1, within=STARTS_WITHIN)
        await eventually(lambda: all(asking.answers[one] for one in asked))
        await eventually(lambda: health.remark == "1 of 1 replica takes messages")
        assert not any(asking.letters.values())


async def test_a_supervisor_says_that_a_replica_is_gone(
    amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is killed shows until it is back: none takes messages, then one does."""
    # So that it is away for longer than from one look to the next.
    monkeypatch.setattr(replicas_module, "FIRST_WAIT", 3 * LOOK_EVERY)
    async with supervised(amqp_url, Limits(most=1)) as (replicas, health):
        os.kill(replicas._running[0].pid, signal.SIGKILL)
        await eventually(lambda: health.reason is not None)
        assert health.reason == "none of 1 replica takes messages; replica 0: starting"
        await eventually(lambda: health.reason is None, within=STARTS_WITHIN)


async def test_the_command_follows_the_load(amqp_url: str) -> None:
    """`leveret run --processes auto` begins with one, tells of it and shows its metrics."""
    (port,) = free_ports(1)
    flags = ("--processes", "auto")
    async with (
        running(amqp_url, "broker.killing:registry", *flags, http_port=port),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):

        async def ready() -> bool:
            try:
                return (await client.get("/readyz")).is_success
            except httpx.TransportError:
                return False

        await until(ready, within=STARTS_WITHIN)
        text = (await client.get("/readyz")).text
        assert text == "ready: 1 of 1 replica takes messages\n"
        page = (await client.get("/metrics")).text
        assert 'leveret_in_flight{replica="0"} 0.0' in page
