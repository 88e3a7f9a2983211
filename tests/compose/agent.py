"""An agent from outside: it knows the protocol's names, and nothing of the project's code."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.exceptions import DeliveryError

REQUESTS, REPLIES, DEAD = "leveret.requests", "leveret.replies", "leveret.dead.default"
#: Seconds until everything published must have come to its end; retries wait a second each.
SETTLED_WITHIN = 90
#: Seconds until the broker must have said what became of a publication; a queue that has lost its
#: leader has another by then.
CONFIRMED_WITHIN = 30


class Agent:
    """Publishes tasks, hears the answers, and keeps the books over both."""

    def __init__(self, connection: aio_pika.abc.AbstractConnection) -> None:
        self._connection = connection
        #: Nobody else's: a late answer to the test before must not come to this one.
        self._name = f"compose-{uuid4().hex[:8]}"
        self._heard = asyncio.Condition()
        self._requests: aio_pika.abc.AbstractExchange
        self.published: set[str] = set()
        #: What the broker did not confirm: it may have it or not, and may answer or not.
        self.doubtful: set[str] = set()
        #: Bodies of what was no message, likewise.
        self.spoiled: set[str] = set()
        self.doubtfully_spoiled: set[str] = set()
        self.answers: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()

    async def open(self) -> None:
        """Find the exchange, and listen at a mailbox of its own."""
        channel = await self._connection.channel(on_return_raises=True)
        self._requests = await channel.get_exchange(REQUESTS)
        mailbox = await channel.declare_queue(f"{REPLIES}.{self._name}.answers", auto_delete=True)
        await mailbox.bind(REPLIES, f"agent.{self._name}.answers")
        await mailbox.consume(self._hear)

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
        confirmed = await self._send(json.dumps(envelope).encode(), f"task_request.{task_type}")
        (self.published if confirmed else self.doubtful).add(name)
        return name

    async def spoil(self) -> None:
        """Publish what is no message at all: it can only become a dead letter."""
        body = f'{{"message_type": "task_request", "{self._name}": "{uuid4()}", '
        confirmed = await self._send(body.encode(), "task_request.echo")
        (self.spoiled if confirmed else self.doubtfully_spoiled).add(body)

    async def _send(self, body: bytes, key: str) -> bool:
        """Publish, and tell whether the broker says that it has it."""
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        try:
            await self._requests.publish(message, key, timeout=CONFIRMED_WITHIN)
        except (DeliveryError, TimeoutError):
            return False
        return True

    async def dead_letters(self) -> Counter[str]:
        """Give the bodies of the letters that came of this agent's messages, and leave them there.

        When the channel closes that looked at them, the broker has them back.
        """
        found: Counter[str] = Counter()
        async with self._connection.channel() as looking:
            queue = await looking.declare_queue(DEAD, passive=True)
            while (message := await queue.get(fail=False)) is not None:
                found[message.body.decode()] += 1
        return Counter({body: many for body, many in found.items() if self._name in body})

    async def hear_all(self) -> None:
        """Return when every task has been answered; fail with how many have not."""
        try:
            async with asyncio.timeout(SETTLED_WITHIN), self._heard:
                await self._heard.wait_for(lambda: self.published <= self.answers.keys())
        except TimeoutError:
            missing = len(self.published - self.answers.keys())
            pytest.fail(f"{missing} of {len(self.published)} tasks were not answered")

    async def assert_balanced(self, *, faults: bool = False) -> None:
        """Fail unless what was published is what was answered and dead-lettered: lost 0.

        Without `faults` each publication must have been confirmed, and have come to one end once.
        """
        await self.hear_all()
        assert self.published <= self.answers.keys() <= self.published | self.doubtful
        assert set(self.kinds) == {"task_response"}
        letters = await self.dead_letters()
        async with asyncio.timeout(SETTLED_WITHIN):
            while not self.spoiled <= letters.keys():
                letters = await self.dead_letters()
        assert letters.keys() <= self.spoiled | self.doubtfully_spoiled
        if not faults:
            assert not self.doubtful | self.doubtfully_spoiled
            assert set(letters.values()) <= {1}
