"""Dramatiq: answers with a confirm, acks when the actor has ended. Needs QUEUE, PREFETCH."""

from __future__ import annotations

import os
import threading

import dramatiq
import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from work import answer


class Broker(RabbitmqBroker):
    """Uses the queue that is there, whatever its arguments."""

    def _declare_queue(self, queue_name: str) -> None:
        self.channel.queue_declare(queue=queue_name, passive=True)


broker = Broker(url=os.environ["AMQP_URL"], confirm_delivery=True, middleware=[])
dramatiq.set_broker(broker)
_own = threading.local()


def _channel() -> pika.adapters.blocking_connection.BlockingChannel:
    channel = getattr(_own, "channel", None)
    if channel is None:
        connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
        channel = _own.channel = connection.channel()
        channel.confirm_delivery()
    return channel


@dramatiq.actor(actor_name="work", queue_name=os.environ["QUEUE"])
def work(body: str, reply_to: str, correlation_id: str) -> None:
    """Answer one task."""
    _channel().basic_publish(
        "",
        reply_to,
        answer(body.encode()),
        pika.BasicProperties(
            content_type="application/json",
            delivery_mode=2,
            correlation_id=correlation_id,
        ),
    )
