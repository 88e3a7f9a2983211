"""aiormq by hand: concurrent callbacks, each answers with a confirm, then acks."""

from __future__ import annotations

import asyncio
import os
import sys

import aiormq
from work import answer


async def main() -> None:
    """Consume until killed."""
    connection = await aiormq.connect(os.environ["AMQP_URL"])
    channel = await connection.channel(publisher_confirms=True)
    await channel.basic_qos(prefetch_count=int(sys.argv[2]))

    async def work(message: aiormq.abc.DeliveredMessage) -> None:
        properties = message.header.properties
        await channel.basic_publish(
            answer(message.body),
            routing_key=properties.reply_to,
            properties=aiormq.spec.Basic.Properties(
                correlation_id=properties.correlation_id,
                content_type="application/json",
                delivery_mode=2,
            ),
        )
        await channel.basic_ack(message.delivery_tag)

    await channel.basic_consume(sys.argv[1], work)
    await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main())
