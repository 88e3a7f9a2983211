"""A whole worker inside a test: the service, a client that keeps what it hears, and books."""

from __future__ import annotations

from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Self

import orjson
from waiting import PATIENCE, eventually

from messages import Envelope, TaskRequest, TaskRequestPayload, encode
from topology import Names, parse_delays
from workers import headers
from workers.bookkeeping import Watch
from workers.link.client import Client
from workers.link.ground import stand
from workers.metrics.metrics import Metrics
from workers.probes.health import Health
from workers.publication import Publication, Published
from workers.service import Service
from workers.settings import Settings
from workers.testing import agent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from workers.outcome import Delivery
    from workers.registry import Registry

NAMES: Final = Names()
#: Short, so that a test of three attempts takes less than a second.
RUNGS: Final = parse_delays("200ms,400ms")


class Asking:
    """Publishes, and keeps every answer and dead letter by its correlation id."""

    def __init__(self, url: str) -> None:
        self.answers: dict[str, list[Delivery]] = defaultdict(list)
        self.letters: dict[str, list[Delivery]] = defaultdict(list)
        self.url = url
        self.client = Client(url, NAMES, heard=self._heard, watching=True)

    async def __aenter__(self) -> Self:
        """Connect."""
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close."""
        await self.client.__aexit__(None, None, None)

    def _heard(self, delivery: Delivery) -> None:
        told = delivery.properties.correlation_id or ""
        if delivery.queue == self.client.mailbox:
            self.answers[told].append(delivery)
        elif delivery.queue == NAMES.journal:
            self.letters[told].append(delivery)

    def task(self, task_type: str, /, *, ttl: int = 300, **request: Any) -> Publication:
        """Return a task that wants its answer here; its correlation id is its envelope id."""
        payload = TaskRequestPayload(request=TaskRequest(task_type=task_type, **request))
        envelope = Envelope(
            message_type="task_request",
            payload=payload,
            source_agent=agent("asker"),
            ttl=ttl,
            reply_to=self.client.reply_to,
        )
        return self.bytes(encode(envelope), str(envelope.envelope_id))

    def bytes(self, body: bytes, correlation_id: str, **properties: Any) -> Publication:
        """Return a publication of any bytes."""
        return Publication(
            NAMES.requests,
            "task_request",
            body,
            correlation_id=correlation_id,
            **{"reply_to": self.client.reply_to} | properties,
        )

    async def publish(self, publication: Publication) -> str:
        """Publish, see it confirmed, and return the correlation id."""
        assert await self.client.publish(publication) is Published.CONFIRMED
        assert publication.correlation_id is not None
        return publication.correlation_id

    async def answer(self, publication: Publication, *, within: float = PATIENCE) -> dict[str, Any]:
        """Publish and return the payload of the answer."""
        told = await self.publish(publication)
        await eventually(lambda: self.answers[told], within=within)
        payload: dict[str, Any] = orjson.loads(self.answers[told][0].body)["payload"]
        return payload

    async def letter(self, publication: Publication) -> Delivery:
        """Publish and return the dead letter."""
        told = await self.publish(publication)
        await eventually(lambda: self.letters[told])
        return self.letters[told][0]


def code(letter: Delivery) -> object:
    """Return why a letter is dead."""
    return letter.properties.headers[headers.ERROR_CODE]


@asynccontextmanager
async def serving(
    url: str,
    registry: Registry,
    **settings: Any,
) -> AsyncIterator[tuple[Service, Metrics]]:
    """Lend a worker that consumes; drains it at the end."""
    given = {"retry_delays": RUNGS, "drain_grace": 5.0} | settings
    chosen = Settings(amqp_url=url, **given)
    await stand(chosen, patience=PATIENCE)
    metrics = Metrics(group=chosen.group, task_types=registry.task_types)
    service = Service(chosen, registry, Watch(metrics, Health()))
    await service.start()
    try:
        yield service, metrics
    finally:
        await service.drain()
