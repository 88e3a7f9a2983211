"""Dead letters for tests: written as a worker writes them, read as the queue holds them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import orjson

from messages import ErrorCode, FieldError
from topology import Names
from workers import headers as h
from workers.deadletters import Desk, Foresight, Operator, Reader, Workbench
from workers.link.ground import stand
from workers.link.scan import scanning
from workers.link.sender import sending
from workers.outcome import DeadLettered, Delivery, Failure, Properties, Subject
from workers.publication import Publication, Published
from workers.settings import Settings
from workers.settling.copies import Origin, dead_letter
from workers.testing import agent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workers.registry import Registry

NAMES: Final = Names()
GROUP: Final = "default"
WORK: Final = NAMES.work(GROUP)
DEAD: Final = NAMES.dead_queue(GROUP)
ORIGIN: Final = Origin(NAMES, GROUP, "worker-1", "guest")
LONG_AGO: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)


def desk(url: str, **more: Any) -> Desk:
    """Return the desk of the default group."""
    return Desk(amqp_url=url, names=NAMES, group=GROUP, **more)


def bench(
    url: str, registry: Registry | None = None, *, keep: float = 0.0, **more: Any
) -> Workbench:
    """Return a workbench; with a registry it judges what would pass."""
    foresight = None
    if registry is not None:
        foresight = Foresight.of(Settings(amqp_url=url), registry, user="guest")
    return Workbench(desk(url), Operator(who="ada@console", foresight=foresight, **more), keep=keep)


async def prepare(url: str) -> None:
    """Declare the topology."""
    await stand(Settings(amqp_url=url), patience=15)


def task(number: int, task_type: str = "echo", **parameters: object) -> bytes:
    """Return the body of a task that long ago nobody could do."""
    return orjson.dumps(
        {
            "envelope_id": str(uuid4()),
            "message_type": "task_request",
            "reply_to": "agent://asker/answers",
            "source_agent": agent(f"asker-{number % 3}").model_dump(mode="json"),
            "timestamp": LONG_AGO,
            "payload": {
                "message_type": "task_request",
                "request": {
                    "task_id": str(uuid4()),
                    "task_type": task_type,
                    "parameters": {"text": f"number {number}"} | parameters,
                },
                "execution_context": {},
            },
        },
    )


@dataclass(frozen=True)
class Kind:
    """One way to fail."""

    code: ErrorCode = ErrorCode.INVALID_PAYLOAD
    task_type: str = "echo"
    field: str = "text"


def letter(body: bytes, kind: Kind = Kind(), *, seconds: int = 0) -> Publication:
    """Return a dead letter that comes to the queue and to the journal at once.

    It takes the broker's own way, as those of older workers did; `seconds` after LONG_AGO.
    """
    delivery = Delivery(
        body,
        Properties(
            content_type="application/json",
            correlation_id="asked",
            headers={"tenant": "hare"},
            user_id="guest",
            message_id="m-1",
        ),
        NAMES.requests,
        f"task_request.{kind.task_type}",
        WORK,
    )
    place = f"payload.request.parameters.{kind.field}"
    error = FieldError(place, f"/{place.replace('.', '/')}", "missing", "this field is required")
    failure = Failure(kind.code, "the parameters do not fit", (error,), 1)
    outcome = DeadLettered(Subject("task_request", kind.task_type), failure, str(uuid4()))
    made = dead_letter(delivery, outcome, ORIGIN, LONG_AGO + timedelta(seconds=seconds))
    return made._replace(exchange=NAMES.dead, routing_key=NAMES.dead_key(ORIGIN.group))


def id_of(publication: Publication) -> str:
    """Return the id of a letter about to be published."""
    return str(publication.headers[h.ID])


async def post(url: str, publications: Iterable[Publication]) -> None:
    """Publish, and see each confirmed."""
    fates: list[Published] = []
    async with sending(desk(url)) as sender:
        for number, one in enumerate(publications, 1):
            sender.post(one, fates.append)
            if number % 2_000 == 0:
                await sender.idle()
        await sender.idle()
    assert set(fates) <= {Published.CONFIRMED}


async def write(url: str, count: int, kind: Kind = Kind(), *, start: int = 0) -> list[str]:
    """Write letters of one kind, a second apart; returns their ids, oldest first."""
    made = [letter(task(start + n, kind.task_type), kind, seconds=start + n) for n in range(count)]
    await post(url, made)
    return [id_of(one) for one in made]


async def held(url: str, queue: str = DEAD) -> list[Delivery]:
    """Return what a queue holds, in its order, by looking through it."""
    found: list[Delivery] = []
    async with scanning(desk(url, named=queue, counted=True)) as scan:
        await scan.read(found.append)
    return found


async def open_ids(url: str) -> list[str]:
    """Return the ids of the letters in the queue of open ones, in its order."""
    reader = Reader(NAMES, "guest")
    return [reader.id(delivery) for delivery in await held(url)]
