"""The same question from a program that knows nothing of this project: JSON, and any AMQP library.

    python -m examples.plain_client echo '{"text": "hi"}'

What it takes, in any language: publish this JSON to the topic exchange `leveret.requests` with
routing key `task_request.<task type>` and the AMQP property `reply_to`, then read the answer there.
"""

import asyncio
import json
import os
import sys
import uuid
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage


def question(task_type: str, parameters: object) -> dict[str, Any]:
    """Return a task request, in the form in which it goes over the wire."""
    return {
        "envelope_id": str(uuid.uuid4()),
        "message_type": "task_request",
        "source_agent": {
            "agent_id": "plain-client",
            "role": "coordinator",
            "capabilities": ["coordination", "task_distribution"],
            "load_factor": 0.0,
        },
        "payload": {
            "message_type": "task_request",
            "request": {
                "task_id": str(uuid.uuid4()),
                "task_type": task_type,
                "priority": 5,
                "budget": "0.00",
                "parameters": parameters,
            },
            "execution_context": {},
        },
    }


async def ask(url: str, message: dict[str, Any]) -> Any:
    """Return the answer's JSON: its payload is a `task_response` or an `error`."""
    answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def receive(received: AbstractIncomingMessage) -> None:
        if received.correlation_id == message["envelope_id"] and not answer.done():
            answer.set_result(received.body)

    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(on_return_raises=True)
        answers = await channel.get_queue("amq.rabbitmq.reply-to", ensure=False)
        await answers.consume(receive, no_ack=True)
        task_type = message["payload"]["request"]["task_type"]
        exchange = await channel.get_exchange("leveret.requests")
        await exchange.publish(
            aio_pika.Message(
                json.dumps(message).encode(),
                content_type="application/json",
                reply_to="amq.rabbitmq.reply-to",
            ),
            routing_key=f"task_request.{task_type}",
        )
        async with asyncio.timeout(30):
            return json.loads(await answer)


if __name__ == "__main__":
    asked = question(sys.argv[1], json.loads(sys.argv[2]))
    broker = os.environ.get("LEVERET_AMQP_URL", "amqp://guest:guest@localhost/")
    json.dump(asyncio.run(ask(broker, asked)), sys.stdout, indent=2)
