"""A service that is down burns no attempts, and holds up nobody who does not need it."""

from __future__ import annotations

import asyncio
import time

from broker.worker import Asking, eventually, serving
from prometheus_client import generate_latest

from messages import ProtocolModel
from workers import Context, Registry, RetryPolicy
from workers.around.brake import IN_A_ROW

#: Seconds the service is down; attempts alone would be spent after 0.6 s.
OUTAGE = 2.5


class Words(ProtocolModel):
    """Parameters of every task here."""

    text: str = ""


async def test_an_outage_burns_no_attempts_and_holds_up_no_other_type(amqp_url: str) -> None:
    """All fail for longer than their attempts last, then all are answered; others never wait."""
    registry = Registry()
    down = asyncio.Event()
    attempts: list[int] = []

    @registry.task("pay", parameters=Words)
    async def pay(words: Words, context: Context) -> Words:
        attempts.append(context.attempt)
        if down.is_set():
            raise ConnectionError("the bank is closed")
        return words

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Words:
        return words

    down.set()
    count = 3 * IN_A_ROW
    async with serving(amqp_url, registry, prefetch=20) as (_, metrics), Asking(amqp_url) as asking:
        told = [await asking.publish(asking.task("pay")) for _ in range(count)]
        await eventually(lambda: list(metrics.braking()) == ["pay"])
        page = generate_latest(metrics.registry).decode()
        assert 'leveret_brake_engaged{task_type="pay"} 1.0' in page
        began = time.monotonic()
        while time.monotonic() - began < OUTAGE:
            asked = time.monotonic()
            await asking.answer(asking.task("echo"))
            assert time.monotonic() - asked < OUTAGE / 2  # held back, it would wait for the end
        down.clear()
        await eventually(lambda: all(asking.answers[one] for one in told))
        assert not asking.letters
        assert list(metrics.braking()) == []
        assert 'leveret_held_total{task_type="pay"}' in generate_latest(metrics.registry).decode()
    # One for the answer, one or so before the brake held, and few probes between them.
    assert len(attempts) < 3 * count


async def test_a_retry_at_once_comes_back_without_a_wait(amqp_url: str) -> None:
    """The copy goes straight to the queue it came from, its attempt counted."""
    registry = Registry()
    seen: list[tuple[int, float]] = []

    @registry.task("cut", parameters=Words, retry=RetryPolicy(at_once=(ConnectionResetError,)))
    async def cut(words: Words, context: Context) -> Words:
        seen.append((context.attempt, time.monotonic()))
        if context.attempt == 1:
            raise ConnectionResetError
        return words

    async with serving(amqp_url, registry), Asking(amqp_url) as asking:
        answer = await asking.answer(asking.task("cut"))
    assert answer["response"]["status"] == "completed"
    (first, failed), (second, came) = seen
    assert (first, second) == (1, 2)
    assert came - failed < 0.2  # less than the shortest rung
