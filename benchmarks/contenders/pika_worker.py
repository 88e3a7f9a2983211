"""pika's SelectConnection: callbacks, confirms taken as they come, acks behind them."""

from __future__ import annotations

import os
import sys
from typing import Any

import pika
from work import answer


class Worker:
    """One channel that consumes, publishes with confirms, and acks what is confirmed."""

    def __init__(self) -> None:
        self.connection = pika.SelectConnection(
            pika.URLParameters(os.environ["AMQP_URL"]),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self.opened),
        )
        self.sent = 0
        self.lowest = 1
        self.unconfirmed: dict[int, int] = {}

    def opened(self, channel: Any) -> None:
        """Begin to consume."""
        self.channel = channel
        channel.confirm_delivery(self.confirmed)
        channel.basic_qos(prefetch_count=int(sys.argv[2]))
        channel.basic_consume(sys.argv[1], self.work)

    def work(self, channel: Any, deliver: Any, properties: Any, body: bytes) -> None:
        """Answer one task."""
        self.sent += 1
        self.unconfirmed[self.sent] = deliver.delivery_tag
        channel.basic_publish(
            "",
            properties.reply_to,
            answer(body),
            pika.BasicProperties(
                content_type="application/json",
                delivery_mode=2,
                correlation_id=properties.correlation_id,
            ),
        )

    def confirmed(self, frame: Any) -> None:
        """Ack what the broker has."""
        tag = frame.method.delivery_tag
        first = self.lowest if frame.method.multiple else tag
        for number in range(first, tag + 1):
            delivery = self.unconfirmed.pop(number, None)
            if delivery is not None:
                self.channel.basic_ack(delivery)
        if frame.method.multiple:
            self.lowest = tag + 1


if __name__ == "__main__":
    Worker().connection.ioloop.start()
