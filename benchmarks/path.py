"""Where each microsecond of a message goes, without a broker: prepared bytes in, bytes out.

    python benchmarks/path.py [--messages N] [--profile] [--uvloop] [--untuned]

One task request of about 600 bytes is fed by the thousand through the whole path of a worker:
frames → intake → runners → pipeline → settling → outbox → confirm → ack. The wire is of memory.
Each stage is then also timed alone, so that the sum can be compared with the whole. With
`--untuned` Python's garbage collector is left as it is; a worker keeps it from what lives as long
as itself.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pamqp import body, commands, header
from pamqp.frame import marshal

from examples import registry
from messages import Envelope, TaskRequest, TaskRequestPayload, encode
from topology import Names
from workers import headers
from workers.answering.task_answers import TaskAnswers
from workers.around.limits import TimeLimit
from workers.assembly import link_plan
from workers.bookkeeping import Bookkeeper, Watch
from workers.link.frames import HotFrames
from workers.link.link import Link
from workers.link.properties import decode_properties
from workers.metrics.metrics import Metrics
from workers.outcome import Delivery, Properties
from workers.pipeline import NOW, Pipeline
from workers.policy import policy_of
from workers.presence.heartbeat import describe
from workers.probes.health import Health
from workers.runners import Runners
from workers.service import tune_collector
from workers.settings import Settings
from workers.settle import Settler
from workers.settling.copies import Origin
from workers.testing import agent

if TYPE_CHECKING:
    from collections.abc import Callable

#: Deliveries in one chunk of the socket's: a busy broker sends as many as the prefetch.
AT_ONCE = 200
NAMES = Names()


def request() -> bytes:
    """Return a task request of about 600 bytes."""
    payload = TaskRequestPayload(
        request=TaskRequest(task_type="echo", parameters={"text": "x" * 60, "number": 17})
    )
    envelope = Envelope(
        message_type="task_request",
        payload=payload,
        source_agent=agent("asker"),
        reply_to="agent://asker/answers",
        ttl=300,
    )
    return encode(envelope)


def delivery(tag: int, content: bytes) -> bytes:
    """Return the frames of one delivery."""
    properties = commands.Basic.Properties(
        content_type="application/json",
        delivery_mode=2,
        correlation_id=str(uuid4()),
        message_id=str(uuid4()),
        timestamp=datetime.now(UTC),
        message_type="task_request",
        app_id="bench",
    )
    lead = commands.Basic.Deliver("leveret-0-1", tag, False, NAMES.requests, "task_request")
    return (
        marshal(lead, 1)
        + marshal(header.ContentHeader(0, len(content), properties), 1)
        + marshal(body.ContentBody(content), 1)
    )


class MemoryWire:
    """Takes what is written and forgets it."""

    frame_max = 131_072
    is_open = True

    def __init__(self) -> None:
        self.frames = HotFrames()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Forget it."""
        self.size += len(chunk)


class Bench:
    """A worker's whole path between two wires of memory."""

    def __init__(self) -> None:
        settings = Settings(agent_id="bench", amqp_url="amqp://guest@localhost")
        self.metrics = Metrics(group="default", task_types=registry.task_types)
        source = describe(settings, registry, load_factor=0.0)
        self.pipeline = Pipeline(registry, policy_of(settings, source, user="guest"))
        self.inward, self.outward = MemoryWire(), MemoryWire()
        link = Link(link_plan(settings), self.take)
        self.outbox = link.outbox
        self.outbox.observe = self.metrics.published
        link.intake.attach(self.inward, 1)  # type: ignore[arg-type] # all that it needs of a wire
        link.outbox.attach(self.outward, 1)  # type: ignore[arg-type] # likewise
        origin = Origin(NAMES, "default", "bench", "guest")
        books = Bookkeeper(Watch(self.metrics, Health()), origin, link.publish)
        prefetch = settings.prefetch_of(settings.group)
        settler = Settler(link, origin, books, now=NOW, prefetch=prefetch)
        self.runners = Runners(self.pipeline.handle, settler.settle, most=prefetch)

    def take(self, one: Delivery) -> None:
        """Take a delivery, as the service does."""
        self.metrics.received(one)
        self.runners.take(one)

    async def run(self, chunks: list[bytes]) -> None:
        """Feed all chunks, each confirmed before the next comes."""
        sent = 0
        for chunk in chunks:
            self.inward.frames.feed(chunk)
            while self.outbox._sent < sent + AT_ONCE:  # noqa: SLF001, ASYNC110 - the loop's own turns are what is measured
                await asyncio.sleep(0)
            sent += AT_ONCE
            self.outward.frames.feed(marshal(commands.Basic.Ack(sent, True), 1))
            await asyncio.sleep(0)


def timed(name: str, count: int, act: Callable[[], Any], each: int = 1) -> None:
    """Print the microseconds a message of `count` calls, each for so many messages."""
    began = time.process_time()
    for _ in range(count):
        act()
    spent = (time.process_time() - began) / (count * each) * 1e6
    print(f"  {name:<34}{spent:7.2f}")


def stages(bench: Bench, content: bytes, count: int) -> None:
    """Time each stage alone, `count` times."""
    raw = header.ContentHeader(
        0,
        0,
        commands.Basic.Properties(
            content_type="application/json", correlation_id=str(uuid4()), message_type="t"
        ),
    ).marshal()[12:]
    one = Delivery(content, Properties(), NAMES.requests, "task_request", "work")
    catalog = registry.catalog()
    chunk = b"".join(delivery(n, content) for n in range(1, AT_ONCE + 1))
    frames = HotFrames()
    frames.watch_deliveries(1, _Nothing())
    print("µs a message, stage by stage:")
    timed("frames (many at once)", count // AT_ONCE, lambda: frames.feed(chunk), each=AT_ONCE)
    timed("properties", count, lambda: decode_properties(raw))
    timed("decode and validate", count, lambda: catalog.decode(content))
    timed("headers.past", count, lambda: headers.past(one, "guest"))
    loop = asyncio.new_event_loop()
    limit = TimeLimit(loop)

    def handle() -> Any:
        step = bench.pipeline.handle(one, limit)
        try:
            step.send(None)
        except StopIteration as stop:
            return stop.value

    outcome = handle()
    timed("pipeline.handle, all of it", count, handle)
    envelope, result, now = catalog.decode(content), {"text": "x" * 60, "number": 17}, NOW()
    answers = TaskAnswers(agent("bench"))
    timed("  writing the answer", count, lambda: answers.write(envelope, result, now))
    timed("metrics.settled", count, lambda: bench.metrics.settled(one, outcome, 0.001))
    loop.close()


class _Nothing:
    def delivered(self, *_delivery: object) -> None:
        """Drop it."""

    def closed(self) -> None:
        """Drop it."""


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--untuned", action="store_true")
    options = parser.parse_args()
    content = request()
    chunks = [
        b"".join(delivery(start + n, content) for n in range(1, AT_ONCE + 1))
        for start in range(0, options.messages, AT_ONCE)
    ]

    async def whole() -> None:
        bench = Bench()
        await bench.run(chunks[:10])
        bench = Bench()
        if not options.untuned:
            tune_collector()
        profile = cProfile.Profile() if options.profile else None
        began = time.process_time()
        if profile:
            profile.enable()
        await bench.run(chunks)
        if profile:
            profile.disable()
        spent = time.process_time() - began
        ends = bench.metrics.ends("replied")
        assert ends == options.messages, f"{ends} answered of {options.messages}"
        print(f"{len(content)} bytes; {spent / options.messages * 1e6:.2f} µs a message in all")
        if profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)

    if options.uvloop:
        try:
            import uvloop  # noqa: PLC0415 - optional
        except ModuleNotFoundError:
            parser.error("--uvloop needs uvloop: pip install uvloop")
        uvloop.run(whole())
    else:
        asyncio.run(whole())
    if not options.profile:
        stages(Bench(), content, options.messages // 2)


if __name__ == "__main__":
    main()
