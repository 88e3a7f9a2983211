"""aio-pika by hand: concurrent callbacks, each answers with a confirm, then acks."""

from __future__ import annotations

import asyncio
import os
import sys

import aio_pika
from work import answer


async def main() -> None:
    """Consume until killed."""
    connection = await aio_pika.connect_robust(os.environ["AMQP_URL"])
    channel = await connection.channel(publisher_confirms=True)
    await channel.set_qos(prefetch_count=int(sys.argv[2]))
    queue = await channel.get_queue(sys.argv[1], ensure=False)

    async def work(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        await channel.default_exchange.publish(
            aio_pika.Message(
                answer(message.body),
                correlation_id=message.correlation_id,
                content_type="application/json",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            ),
            message.reply_to,
        )
        await message.ack()

    await queue.consume(work)
    await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main())
