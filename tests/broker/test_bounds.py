"""How much a worker holds, and how long it goes on without a line: both are bounded, and told."""

from __future__ import annotations

import asyncio

import aio_pika
import pytest
from broker.command import WITHIN, leveret
from broker.worker import NAMES, Asking, eventually, serving
from waiting import until

from messages import ProtocolModel
from workers import Context, Registry
from workers.probes.health import Health


class Words(ProtocolModel):
    """Parameters of every task here."""

    text: str = ""


class Watched:
    """A processor that waits to be let go, and remembers what was held and done at once."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.go = asyncio.Event()
        self.running = self.most_running = self.most_held = 0
        self.done: list[str] = []
        self.held = lambda: 0

        @self.registry.task("echo", parameters=Words)
        async def echo(words: Words, _context: Context) -> Words:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            self.most_held = max(self.most_held, self.held())
            await self.go.wait()
            self.running -= 1
            self.done.append(words.text)
            return words


@pytest.mark.parametrize(("prefetch", "held"), [(1, 2), (2, 2), (10, 10)])
async def test_what_is_held_and_what_runs_at_once_is_bounded_by_the_prefetch(
    amqp_url: str, prefetch: int, held: int
) -> None:
    """Both queues together; only with a prefetch of 1 one more is held, urgent and next."""
    watched = Watched()
    async with (
        serving(amqp_url, watched.registry, prefetch=prefetch) as (_, metrics),
        Asking(amqp_url) as asking,
    ):
        watched.held = lambda: metrics.in_flight
        told = []
        for number in range(20):
            task = asking.task("echo", parameters={"text": f"work {number}"})
            told.append(await asking.publish(task))
        await eventually(lambda: watched.running)
        for number in range(20):
            task = asking.task("echo", parameters={"text": f"urgent {number}"})
            key = NAMES.request_key("task_request", "echo", urgent=True)
            told.append(await asking.publish(task._replace(routing_key=key)))
        # Both: what has just come is held already while nobody has taken it up yet.
        await eventually(lambda: (metrics.in_flight, watched.running) == (held, prefetch))
        watched.go.set()
        await eventually(lambda: all(asking.answers[one] for one in told))
    assert (watched.most_held, watched.most_running) == (held, prefetch)
    assert prefetch > 1 or watched.done[1] == "urgent 0"


async def test_a_pause_does_not_let_more_be_held(amqp_url: str) -> None:
    """What was in hand before it counts, however often; afterwards the whole prefetch is had."""
    watched = Watched()
    async with (
        serving(amqp_url, watched.registry, prefetch=10) as (service, metrics),
        Asking(amqp_url) as asking,
    ):
        watched.held = lambda: metrics.in_flight
        told = [await asking.publish(asking.task("echo")) for _ in range(40)]
        for _ in range(3):
            await eventually(lambda: watched.running >= 9)  # one place is the urgent queue's
            await service.pause()
            service.resume()
        watched.go.set()
        await eventually(lambda: all(asking.answers[one] for one in told))
        assert watched.most_held <= 10
        watched.go.clear()
        told = [await asking.publish(asking.task("echo")) for _ in range(20)]
        await eventually(lambda: watched.running == 9)
        watched.go.set()
        await eventually(lambda: all(asking.answers[one] for one in told))


async def test_a_worker_that_cannot_consume_for_long_leaves_with_the_reason(amqp_url: str) -> None:
    """Whoever supervises it sees that it failed; the one line says what is missing."""
    await leveret("topology", "apply", url=amqp_url)
    limits = {"LEVERET_PATIENCE": "1s", "LEVERET_HTTP_PORT": "0"}
    running = asyncio.create_task(leveret("run", url=amqp_url, **limits))
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()

        async def consumed() -> object:
            assert not running.done(), running.result().err
            work = await channel.declare_queue(NAMES.work("default"), passive=True)
            return work.declaration_result.consumer_count

        await until(consumed, within=WITHIN)
        await channel.queue_delete(NAMES.work("default"))
        ended = await running
    assert ended.code == 1
    assert "nothing could be done for 1 s" in ended.err.splitlines()[-1]
    assert "leveret topology apply" in ended.err.splitlines()[-1]
    assert "drained" in ended.err


def test_a_worker_is_not_ready_from_the_first_moment_without_a_line() -> None:
    """Probes hear it at once, and when it is counted from is the first line that went."""
    now = [100.0]
    health = Health(clock=lambda: now[0])
    for line in ("consuming", "publishing"):
        health.line(line, None)
    assert health.reason is None
    health.line("publishing", "reconnecting: gone")
    now[0] += 29
    health.line("consuming", "reconnecting: gone too")
    health.line("publishing", None)
    now[0] += 2
    assert health.reason == "reconnecting: gone too"
    assert health.not_consuming_for() == 31
