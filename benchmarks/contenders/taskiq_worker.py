"""taskiq on aio-pika: answers with a confirm, acks when the task has ended."""

from __future__ import annotations

import os

import aio_pika
from taskiq_aio_pika import AioPikaBroker
from taskiq_aio_pika.exchange import Exchange
from taskiq_aio_pika.queue import Queue
from work import answer

broker = AioPikaBroker(
    os.environ["AMQP_URL"],
    qos=int(os.environ["PREFETCH"]),
    exchange=Exchange(name="bench.taskiq"),
    task_queues=[Queue(name=os.environ["QUEUE"], declare=False)],
    dead_letter_queue=Queue(name="bench.taskiq.dead"),
)


@broker.task(task_name="work")
async def work(body: str, reply_to: str, correlation_id: str) -> None:
    """Answer one task."""
    assert broker.write_channel is not None
    await broker.write_channel.default_exchange.publish(
        aio_pika.Message(
            answer(body.encode()),
            correlation_id=correlation_id,
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        ),
        reply_to,
    )
