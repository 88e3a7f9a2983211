"""Tasks that keep a compose project busy, and an agent that has asked for all of them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
from compose.agent import SETTLED_WITHIN, Agent
from compose.stack import Stack

#: A second of waiting: long enough to be caught in the middle of it.
SLOW: dict[str, object] = {"seconds": 1.0, "pieces": 1, "size": 512}
#: Tasks under way at once in a load.
MOST_WAITING = 400


def task(number: int) -> tuple[str, dict[str, object]]:
    """Give the number's task: quick ones, ones that take a while, ones that need a second try."""
    if number % 10 == 9:
        return "flaky", {"failures": 1, "number": number}
    if number % 3 == 0:
        return "fetch_local", {"seconds": 0.2, "pieces": 2, "size": 512}
    return "echo", {"number": number}


@asynccontextmanager
async def agent_at(stack: Stack, node: str = "rabbitmq") -> AsyncIterator[Agent]:
    """Give an agent that comes from outside, over the published port."""
    address = stack.address(node, 5672)
    connection = await aio_pika.connect(f"amqp://leveret:leveret@{address}/", timeout=10)
    async with connection:
        agent = Agent(connection)
        await agent.open()
        yield agent


def steady(number: int) -> tuple[str, dict[str, object]]:
    """Give the number's task: none that needs a second try."""
    return task(number) if number % 10 != 9 else ("echo", {"number": number})


@asynccontextmanager
async def load(
    agent: Agent, ask: Callable[[int], tuple[str, dict[str, object]]] = task
) -> AsyncIterator[Callable[[int], Any]]:
    """Have the agent publish all the while; gives a way to wait until so many more are answered."""
    stop = asyncio.Event()

    async def publish() -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            # Work for seconds, not for minutes: what is asked for must also be done.
            while len(agent.published) - len(agent.answers) > MOST_WAITING:
                if stop.is_set():
                    return
                await asyncio.sleep(0.05)
            await (agent.spoil() if number % 50 == 49 else agent.ask(*ask(number)))

    async def more(count: int) -> None:
        goal = len(agent.answers) + count
        async with asyncio.timeout(SETTLED_WITHIN), agent._heard:
            await agent._heard.wait_for(lambda: len(agent.answers) >= goal)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publish())
        try:
            yield more
        finally:
            stop.set()
