"""FastStream doing the same work: validate the envelope, answer with a confirm, then ack.

Started with the queue's name and the prefetch; the broker's address is in the environment.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime

from faststream import FastStream
from faststream.middlewares import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue
from faststream.rabbit.annotations import RabbitMessage

from messages import (
    SHIPPED_PAYLOADS,
    AgentMetadata,
    AgentRole,
    Catalog,
    TaskResult,
    answer_task,
    encode,
)

broker = RabbitBroker(
    os.environ["LEVERET_AMQP_URL"],
    logger=None,
    default_channel=Channel(prefetch_count=int(sys.argv[2]), publisher_confirms=True),
)
catalog = Catalog(SHIPPED_PAYLOADS)
me = AgentMetadata(
    agent_id="faststream",
    role=AgentRole.WORKER,
    capabilities=("task_execution",),
    load_factor=0.0,
)


@broker.subscriber(
    RabbitQueue(sys.argv[1], declare=False),
    ack_policy=AckPolicy.NACK_ON_ERROR,
    decoder=None,
)
async def work(message: RabbitMessage) -> None:
    """Answer one task."""
    envelope = catalog.decode(message.body)
    task = envelope.payload.request
    result = TaskResult(
        task_id=task.task_id,
        status="completed",
        completion_time=datetime.now(UTC),
        processing_cost=0,
        result_data=task.parameters,
    )
    answer = answer_task(envelope, result, source=me)
    await broker.publish(
        encode(answer),
        message.raw_message.reply_to,
        persist=True,
        correlation_id=message.correlation_id,
        content_type="application/json",
    )


if __name__ == "__main__":
    asyncio.run(FastStream(broker, logger=None).run())
