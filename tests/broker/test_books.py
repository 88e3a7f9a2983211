"""The books of a worker under load: they balance at any moment, and agree with what others saw."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from broker.worker import Asking, eventually, serving
from prometheus_client.parser import text_string_to_metric_families as read

from messages import ProtocolModel
from workers import Context, Registry, Reject
from workers.metrics.exposition import page

if TYPE_CHECKING:
    from workers.metrics.metrics import Metrics

PREFETCH: Final = 20
#: Of each kind.
MESSAGES: Final = 60


class Words(ProtocolModel):
    """Parameters of every task here."""

    failures: int = 0


def registry() -> Registry:
    """Return processors for every end, some of which take a moment."""
    registry = Registry()

    @registry.task("work", parameters=Words)
    async def work(words: Words, context: Context) -> Words:
        await asyncio.sleep(0.002)
        if context.attempt <= words.failures:
            raise ConnectionError("try again")
        return words

    @registry.task("refuse", parameters=Words)
    async def refuse(_words: Words, _context: Context) -> Words:
        raise Reject("no")

    return registry


def scraped(metrics: Metrics) -> dict[str, float]:
    """Return a page as Prometheus would read it: each family's sum, and each outcome."""
    sums: dict[str, float] = {}
    for family in read(page(metrics.registry, "")[0].decode()):
        for sample in family.samples:
            for name in (sample.name, sample.labels.get("outcome", "")):
                sums[name] = sums.get(name, 0.0) + sample.value
    return sums


def check_balance(books: dict[str, float]) -> None:
    """See that what was received has ended or is in flight, and never more than may be."""
    ends, in_flight = books["leveret_messages_processed_total"], books["leveret_in_flight"]
    assert books["leveret_messages_received_total"] == ends + in_flight
    assert 0 <= in_flight <= PREFETCH


async def test_the_books_balance_at_any_scrape_and_are_true(amqp_url: str) -> None:
    """Received is every end and what is in flight, and each number is what was sent, once."""
    async with (
        serving(amqp_url, registry(), prefetch=PREFETCH) as (service, metrics),
        Asking(amqp_url) as asking,
    ):
        messages = [
            message
            for _ in range(MESSAGES)
            for message in (
                asking.task("work"),
                asking.task("work", parameters={"failures": 1}),
                asking.task("refuse"),
                asking.bytes(b"{", str(uuid4())),
            )
        ]
        told = [message.correlation_id or "" for message in messages]
        for message in messages:
            asking.client.post(message, lambda _: None)
        scrapes = 0

        def ends() -> float:
            nonlocal scrapes
            scrapes += 1
            books = scraped(metrics)
            check_balance(books)
            assert books["leveret_in_flight"] >= service.link.intake.in_hand
            return books["leveret_messages_processed_total"]

        await eventually(lambda: ends() > MESSAGES)
        await service.pause()  # gives back what nobody has begun
        service.resume()
        await eventually(lambda: ends() and all(asking.answers[one] for one in told))
        await eventually(lambda: scraped(metrics)["leveret_in_flight"] == 0)
        books = scraped(metrics)
    assert scrapes > 5
    assert books["replied"] == 2 * MESSAGES
    assert books["retried"] == books["leveret_retries_total"] == MESSAGES
    assert books["dead_lettered"] == books["leveret_dead_letters_total"] == 2 * MESSAGES
    assert books["expired"] == 0
    assert books["leveret_messages_received_total"] == 5 * MESSAGES + books["requeued"]
