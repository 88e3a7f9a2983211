"""An agent from outside: it knows the protocol's names, and nothing of the project's code."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from uuid import uuid4

import aio_pika
import pytest

REQUESTS, REPLIES, DEAD = "leveret.requests", "leveret.replies", "leveret.dead.default"
#: Seconds until everything published must have come to its end; retries wait a second each.
SETTLED_WITHIN = 90


class Agent:
    """Publishes tasks, hears the answers, and keeps the books over both."""

    def __init__(self, channel: aio_pika.abc.AbstractChannel) -> None:
        self._channel = channel
        #: Nobody else's: a late answer to the test before must not come to this one.
        self._name = f"compose-{uuid4().hex[:8]}"
        self._heard = asyncio.Condition()
        self._requests: aio_pika.abc.AbstractExchange
        self._dead_before = 0
        self.published: set[str] = set()
        self.spoiled = 0
        self.answers: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()

    async def open(self) -> None:
        """Find the exchange, and listen at a mailbox of its own."""
        self._requests = await self._channel.get_exchange(REQUESTS)
        mailbox = await self._channel.declare_queue(
            f"{REPLIES}.{self._name}.answers", auto_delete=True
        )
        await mailbox.bind(REPLIES, f"agent.{self._name}.answers")
        await mailbox.consume(self._hear)
        self._dead_before = await self.dead_letters()

    async def _hear(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        await message.ack()
        async with self._heard:
            self.answers[str(message.correlation_id)] += 1
            self.kinds[str(message.type)] += 1
            self._heard.notify_all()

    async def ask(self, task_type: str, parameters: dict[str, object]) -> str:
        """Publish a task and return its id once the broker has it."""
        name = str(uuid4())
        envelope = {
            "envelope_id": name,
            "message_type": "task_request",
            "reply_to": f"agent://{self._name}/answers",
            "ttl": 300,
            "source_agent": {
                "agent_id": self._name,
                "role": "gateway",
                "capabilities": ["request_routing", "load_balancing"],
                "load_factor": 0.0,
            },
            "payload": {
                "message_type": "task_request",
                "request": {
                    "task_id": str(uuid4()),
                    "task_type": task_type,
                    "priority": 5,
                    "budget": "10.00",
                    "callback_url": None,
                    "parameters": parameters,
                    "deadline": None,
                },
                "execution_context": {},
            },
        }
        await self._send(json.dumps(envelope).encode(), f"task_request.{task_type}")
        self.published.add(name)
        return name

    async def spoil(self) -> None:
        """Publish what is no message at all: it can only become a dead letter."""
        await self._send(b'{"message_type": "task_request", ', "task_request.echo")
        self.spoiled += 1

    async def _send(self, body: bytes, key: str) -> None:
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await self._requests.publish(message, key, timeout=10)

    async def dead_letters(self) -> int:
        """Give how many letters lie open, as the broker counts them."""
        queue = await self._channel.declare_queue(DEAD, passive=True)
        return queue.declaration_result.message_count or 0

    async def hear_all(self) -> None:
        """Return when every task has been answered; fail with how many have not."""
        try:
            async with asyncio.timeout(SETTLED_WITHIN), self._heard:
                await self._heard.wait_for(lambda: self.published <= self.answers.keys())
        except TimeoutError:
            missing = len(self.published - self.answers.keys())
            pytest.fail(f"{missing} of {len(self.published)} tasks were not answered")

    async def assert_balanced(self) -> None:
        """Fail unless what was published is what was answered and dead-lettered."""
        await self.hear_all()
        assert self.answers.keys() == self.published
        assert set(self.kinds) == {"task_response"}
        assert await self.dead_letters() - self._dead_before == self.spoiled
