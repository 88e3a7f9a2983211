"""FastStream: answers with a confirm, then acks. Arguments: queue, prefetch."""

from __future__ import annotations

import asyncio
import os
import sys

from faststream import FastStream
from faststream.middlewares import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue
from faststream.rabbit.annotations import RabbitMessage
from work import answer

broker = RabbitBroker(
    os.environ["AMQP_URL"],
    logger=None,
    default_channel=Channel(prefetch_count=int(sys.argv[2]), publisher_confirms=True),
)


@broker.subscriber(
    RabbitQueue(sys.argv[1], declare=False),
    ack_policy=AckPolicy.NACK_ON_ERROR,
    decoder=None,
    no_reply=True,  # else it answers a second time, with what this function returns
)
async def work(message: RabbitMessage) -> None:
    """Answer one task."""
    await broker.publish(
        answer(message.body),
        message.raw_message.reply_to,
        persist=True,
        correlation_id=message.correlation_id,
        content_type="application/json",
    )


if __name__ == "__main__":
    asyncio.run(FastStream(broker, logger=None).run())
