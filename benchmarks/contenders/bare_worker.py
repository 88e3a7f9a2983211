"""leveret's link and models, and nothing of the worker between them: what the rest of it costs.

No limits, retries, dead letters, inbox, metrics or logs: a message that is not right ends it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from messages import SHIPPED_PAYLOADS, Catalog
from workers.answering.task_answers import TASK_ANSWER, TaskAnswers
from workers.link.link import Link, LinkPlan
from workers.outcome import Answer
from workers.pipeline import NOW
from workers.testing import agent

if TYPE_CHECKING:
    from workers.outcome import Delivery
    from workers.publication import Published


async def main() -> None:
    """Consume until killed."""
    catalog, answers = Catalog(SHIPPED_PAYLOADS), TaskAnswers(agent("bare"))

    def work(delivery: Delivery) -> None:
        envelope = catalog.decode(delivery.body)
        body = answers.write(envelope, envelope.payload.request.parameters, NOW())
        to, correlation_id = delivery.properties.reply_to, delivery.properties.correlation_id
        assert body is not None
        assert to is not None
        assert correlation_id is not None
        answer = Answer("", to, correlation_id, TASK_ANSWER, body)
        link.publish(answer, partial(answered, delivery))

    def answered(delivery: Delivery, _fate: Published) -> None:
        link.ack(delivery)

    queue, prefetch = sys.argv[1:]
    link = Link(
        LinkPlan(amqp_url=os.environ["AMQP_URL"], queues={queue: int(prefetch)}, name="bare"), work
    )
    await link.start(within=10)
    await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main())
