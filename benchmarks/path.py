"""Where each microsecond of a message goes, without a broker: prepared bytes in, bytes out.

    python benchmarks/path.py [--messages N] [--profile] [--uvloop] [--untuned]
    python benchmarks/instructions.py      # the same in instructions of the processor

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
#: The whole path, and the stages that are also run alone.
WHOLE = "the whole path"
STAGES = (
    "frames (many at once)",
    "properties",
    "decode and validate",
    "headers.past",
    "pipeline.handle, all of it",
    "  writing the answer",
    "metrics.settled",
)


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


def deliveries(content: bytes, first: int) -> bytes:
    """Return what the socket brings at once; `first` is the first tag."""
    return b"".join(delivery(tag, content) for tag in range(first, first + AT_ONCE))


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
        self.link = link = Link(link_plan(settings), self.take)
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

    async def run(self, chunks: list[bytes], *, afresh: bool = False) -> None:
        """Feed all chunks, each confirmed before the next comes; with `afresh` to a new channel."""
        sent = 0
        for chunk in chunks:
            if afresh:
                self.link.intake.attach(self.inward, 1)  # type: ignore[arg-type] # as above
            self.inward.frames.feed(chunk)
            while self.outbox._sent < sent + AT_ONCE:  # noqa: SLF001, ASYNC110 - the loop's own turns are what is measured
                await asyncio.sleep(0)
            sent += AT_ONCE
            self.outward.frames.feed(marshal(commands.Basic.Ack(sent, True), 1))
            await asyncio.sleep(0)


def acts(bench: Bench, content: bytes) -> dict[str, tuple[Callable[[], object], int]]:
    """Return how each stage is run alone, and for how many messages that is at once."""
    raw = header.ContentHeader(
        0,
        0,
        commands.Basic.Properties(
            content_type="application/json", correlation_id=str(uuid4()), message_type="t"
        ),
    ).marshal()[12:]
    one = Delivery(content, Properties(), NAMES.requests, "task_request", "work")
    catalog = registry.catalog()
    frames = HotFrames()
    frames.watch_deliveries(1, _Nothing())
    chunk = deliveries(content, 1)
    limit = TimeLimit(asyncio.new_event_loop())

    def handle() -> Any:
        step = bench.pipeline.handle(one, limit)
        try:
            step.send(None)
        except StopIteration as stop:
            return stop.value

    outcome = handle()
    envelope, result, now = catalog.decode(content), {"text": "x" * 60, "number": 17}, NOW()
    answers = TaskAnswers(agent("bench"))
    runs: tuple[tuple[Callable[[], object], int], ...] = (
        (lambda: frames.feed(chunk), AT_ONCE),
        (lambda: decode_properties(raw), 1),
        (lambda: catalog.decode(content), 1),
        (lambda: headers.past(one, "guest"), 1),
        (handle, 1),
        (lambda: answers.write(envelope, result, now), 1),
        (lambda: bench.metrics.settled(one, outcome, 0.001), 1),
    )
    return dict(zip(STAGES, runs, strict=True))


def run_stage(act: Callable[[], object], count: int) -> float:
    """Run a stage so often, and return the CPU seconds that took."""
    began = time.process_time()
    for _ in range(count):
        act()
    return time.process_time() - began


def time_stages(content: bytes, messages: int) -> None:
    """Print the microseconds a message takes in each stage alone."""
    print("µs a message, stage by stage:")
    for name, (act, each) in acts(Bench(), content).items():
        spent = run_stage(act, messages // each)
        print(f"  {name:<34}{spent / messages * 1e6:7.2f}")


async def time_whole(content: bytes, options: argparse.Namespace) -> None:
    """Print the microseconds a message takes from frame to ack, or what a profiler saw."""
    chunks = [deliveries(content, first) for first in range(1, options.messages, AT_ONCE)]
    await Bench().run(chunks[:10])
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


def run_only(stage: str, content: bytes, messages: int) -> None:
    """Run one stage and tell nothing, for who counts from outside."""
    if stage == WHOLE:
        chunks = [deliveries(content, 1)] * (messages // AT_ONCE)
        asyncio.run(Bench().run(chunks, afresh=True))
    else:
        act, each = acts(Bench(), content)[stage]
        run_stage(act, messages // each)


class _Nothing:
    def delivered(self, *_delivery: object) -> None:
        """Drop it."""

    def closed(self) -> None:
        """Drop it."""


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=40_000, help=f"by the {AT_ONCE}")
    parser.add_argument("--only", choices=(WHOLE, *STAGES), help="run a stage, and tell nothing")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--untuned", action="store_true")
    options = parser.parse_args()
    content = request()
    if options.only:
        run_only(options.only, content, options.messages)
        return
    if options.uvloop:
        try:
            import uvloop  # noqa: PLC0415 - optional
        except ModuleNotFoundError:
            parser.error("--uvloop needs uvloop: pip install uvloop")
        uvloop.run(time_whole(content, options))
    else:
        asyncio.run(time_whole(content, options))
    if not options.profile:
        time_stages(content, options.messages // 2)


if __name__ == "__main__":
    main()
