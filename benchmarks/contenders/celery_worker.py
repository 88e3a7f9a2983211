"""Celery, prefork: answers with a confirm, acks late. Needs QUEUE, PREFETCH."""

from __future__ import annotations

import os

from celery import Celery
from kombu import Queue
from kombu.pools import producers
from work import answer

app = Celery("bench", broker=os.environ["AMQP_URL"])
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_queues=[
        Queue(
            os.environ["QUEUE"],
            no_declare=True,
            # What Celery tells a quorum queue by, which knows no prefetch of whole channels.
            queue_arguments={"x-queue-type": os.environ["QUEUE_TYPE"]},
        ),
    ],
    task_default_queue=os.environ["QUEUE"],
    worker_prefetch_multiplier=max(1, int(os.environ["PREFETCH"]) // 2),
    worker_concurrency=2,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_detect_quorum_queues=True,
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
)


@app.task(name="work")
def work(body: str, reply_to: str, correlation_id: str) -> None:
    """Answer one task."""
    with producers[app.connection_for_write()].acquire(block=True) as producer:
        producer.publish(
            answer(body.encode()),
            routing_key=reply_to,
            exchange="",
            correlation_id=correlation_id,
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=2,
        )
