"""Side by side with FastStream: the same tasks, the same validation, the same guarantees.

    python benchmarks/peers.py --messages 20000 --rounds 3

Each round preloads a quorum queue with `echo` tasks of about 600 bytes, starts one worker process
of each contender in turn, and watches the queue of answers. Every contender validates the envelope
with the project's own models, publishes the answer with a confirm and acks then. Prints a JSON line
a contender: medians over the rounds, and the ratio in the same run.

FastStream lives in an environment of its own, made at the first run (`.venv-peers`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aio_pika

from messages import (
    AgentMetadata,
    AgentRole,
    Envelope,
    TaskRequest,
    TaskRequestPayload,
    encode,
)
from topology import Names
from workers.broker import PrivateBroker
from workers.link.client import Client
from workers.link.ground import stand
from workers.publication import Publication
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE: Final = Path(__file__).parent
ANSWERS: Final = "bench.answers"
PREFETCH: Final = 200
#: Seconds a round may take before it counts as failed.
ROUND_WITHIN: Final = 120.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of one contender."""

    messages_per_second: float
    cpu_us_per_message: float
    rss_mb: float


def peers_python() -> str:
    """Return the Python of the peers' environment, made if it is not there."""
    place = HERE.parent / ".venv-peers"
    python = place / "bin" / "python"
    if not python.exists():
        venv.create(place, with_pip=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "faststream[rabbit]", "pydantic", "orjson"],
            check=True,
        )
    return str(python)


def contenders(queue: str) -> dict[str, list[str]]:
    """Return how each contender is started."""
    return {
        "leveret": [sys.executable, "-m", "workers.cli", "run", "--prefetch", str(PREFETCH)],
        "faststream": [
            peers_python(),
            str(HERE / "contenders" / "faststream_worker.py"),
            queue,
            str(PREFETCH),
        ],
    }


def task() -> bytes:
    """Return one task of about 600 bytes."""
    asker = AgentMetadata(
        agent_id="bench",
        role=AgentRole.COORDINATOR,
        load_factor=0.5,
        capabilities=("coordination", "task_distribution"),
    )
    request = TaskRequest(task_type="echo", parameters={"text": "hare " * 12}, budget="25.00")
    payload = TaskRequestPayload(request=request, execution_context={"trace": "0" * 16})
    return encode(
        Envelope(message_type="task_request", payload=payload, source_agent=asker, ttl=300),
    )


async def preload(url: str, names: Names, count: int) -> None:
    """Publish the tasks, at most a thousand unconfirmed at once."""
    async with Client(url, names, heard=lambda _: None) as client:
        for _ in range(count):
            message = Publication(names.requests, "task_request.echo", task(), reply_to=ANSWERS)
            client.post(message, lambda _: None)
            while client.unconfirmed > 1_000:  # noqa: ASYNC110 - the loop must turn
                await asyncio.sleep(0)


async def watch(channel: aio_pika.abc.AbstractChannel, count: int) -> float:
    """Return the messages per second between the first answers and the last."""
    began, first = 0.0, 0
    deadline = time.monotonic() + ROUND_WITHIN
    while time.monotonic() < deadline:
        queue = await channel.declare_queue(ANSWERS, passive=True)
        there, now = queue.declaration_result.message_count or 0, time.monotonic()
        if there and not began:
            began, first = now, there
        if there >= count:
            return (there - first) / (now - began)
        await asyncio.sleep(0.01)
    raise SystemExit("the answers did not come in time")


def cpu_and_memory(pid: int) -> tuple[float, float]:
    """Return the CPU seconds and the peak memory in MB of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return ticks / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) / 1024


async def measure(
    command: list[str],
    environment: Mapping[str, str],
    url: str,
    count: int,
) -> Measured:
    """Run one contender on a preloaded queue."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        answers = await channel.declare_queue(ANSWERS, durable=True)
        await answers.purge()
        await preload(url, Names(), count)
        process = subprocess.Popen(  # noqa: ASYNC220 - started and left to itself
            command,
            env=dict(environment),
            stdout=subprocess.DEVNULL,
            stderr=sys.stderr,
        )
        try:
            rate = await watch(channel, count)
            cpu, memory = cpu_and_memory(process.pid)
        finally:
            process.terminate()
            process.wait()
        await answers.purge()
    return Measured(rate, cpu / count * 1e6, memory)


async def run(count: int, rounds: int, say: Callable[[str], None]) -> None:
    """Run all rounds, the contenders taking turns."""
    broker = PrivateBroker.start()
    try:
        settings = Settings(amqp_url=broker.amqp_url)
        await stand(settings, patience=10)
        environment = {
            **os.environ,
            "LEVERET_AMQP_URL": broker.amqp_url,
            "LEVERET_HTTP_PORT": "0",
            "LEVERET_LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(HERE.parent),
        }
        commands = contenders(Names().work("default"))
        results: dict[str, list[Measured]] = {name: [] for name in commands}
        for number in range(rounds):
            for name, command in commands.items():
                one = await measure(command, environment, broker.amqp_url, count)
                results[name].append(one)
                print(f"round {number + 1} {name}: {one}", file=sys.stderr)
    finally:
        broker.close()
    base = statistics.median(one.messages_per_second for one in results["faststream"])
    for name, ones in results.items():
        rate = statistics.median(one.messages_per_second for one in ones)
        say(
            json.dumps(
                {
                    "contender": name,
                    "queue": "quorum",
                    "messages_per_second": round(rate),
                    "cpu_us_per_message": round(
                        statistics.median(o.cpu_us_per_message for o in ones), 1
                    ),
                    "rss_mb": round(max(o.rss_mb for o in ones), 1),
                    "times_faststream": round(rate / base, 2),
                }
            )
        )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--messages", type=int, default=20_000)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    asyncio.run(run(given.messages, given.rounds, print))
