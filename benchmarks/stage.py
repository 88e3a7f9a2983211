"""One measurement of one contender: a virtual host of its own, a full queue, a worker, a clock."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote, urlsplit

import aio_pika
from contender import ANSWERS, QUEUE, Contender, Stand, environment
from meter import Cost, cost
from trips import BEGIN_WITHIN, Latency, round_trips

from topology import Names, Role, permissions
from workers.broker import ManagementApi, PrivateBroker, with_vhost
from workers.link.client import Client
from workers.link.ground import stand as apply_topology
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from workers.publication import Publication

#: Seconds a worker may take to answer all it was given.
ROUND_WITHIN: Final = 120.0
#: Publications unconfirmed at once while a queue is filled.
UNCONFIRMED: Final = 1_000
#: Share of the answers after which the clock starts: the first ones pay for imports and caches.
WARM: Final = 0.1
PROCESSORS: Final = sorted(os.sched_getaffinity(0))


class Measured(NamedTuple):
    """What a contender did between its first answers and its last."""

    messages_per_second: float
    cpu_us_per_message: float
    broker_us_per_message: float
    rss_mb: float

    def __str__(self) -> str:
        """Return a line for people."""
        return (
            f"{self.messages_per_second:,.0f} /s, {self.cpu_us_per_message:.1f} µs CPU a message "
            f"(broker {self.broker_us_per_message:.1f}), {self.rss_mb:.1f} MB"
        )


@dataclass(frozen=True, slots=True)
class Round:
    """The circumstances of one measurement."""

    queue_type: str = "quorum"
    prefetch: int = 200
    processes: int = 1
    #: Further settings of leveret.
    settings: Mapping[str, str] = field(default_factory=dict)

    def stand(self, url: str) -> Stand:
        """Return where a contender works under these circumstances."""
        return Stand(url, self.prefetch, self.processes, self.queue_type, self.settings)


class Stage:
    """A private broker on which contenders take turns.

    With `apart` they have the last of the processors to themselves, caches and all; the broker and
    this process share the others.
    """

    def __init__(self, *, apart: bool = False) -> None:
        self._broker = PrivateBroker.start()
        self._api = ManagementApi(self._broker.management_url)
        #: What each contender's command begins with.
        self._before: list[str] = []
        if apart:
            *others, last = PROCESSORS
            _keep_to(others, self._broker.pids[0], os.getpid())
            self._before = ["taskset", "--cpu-list", str(last)]

    def close(self) -> None:
        """End the broker."""
        self._broker.close()

    async def throughput(
        self,
        contender: Contender,
        round_: Round,
        bodies: Iterable[bytes],
        *,
        count: int,
    ) -> Measured:
        """Return what the contender does with a queue of `count` tasks made of these bodies."""
        async with self.ground(round_) as url:
            tasks = (contender.wrap(body, f"{n:036d}") for n, body in enumerate(bodies))
            filled = await fill(url, tasks)
            at = self.login(contender, round_, url)
            with worker(contender, round_.stand(at), self._before) as pid:
                measured = await self.watch(url, pid, count)
                if filled - await _left(url) < count:
                    raise SystemExit(f"{contender.name} answers a task more than once")
                return measured

    async def latency(
        self,
        contender: Contender,
        round_: Round,
        bodies: list[bytes],
        *,
        rate: float = 0.0,
    ) -> Latency:
        """Return the round trips with one in flight, or at `rate` messages per second."""
        async with self.working(contender, round_) as (url, _):
            return await round_trips(url, contender.wrap, bodies, rate=rate)

    @asynccontextmanager
    async def working(self, contender: Contender, round_: Round) -> AsyncIterator[tuple[str, int]]:
        """Lend a contender at work: the broker's address, and the process to look at."""
        async with self.ground(round_) as url:
            at = self.login(contender, round_, url)
            with worker(contender, round_.stand(at), self._before) as pid:
                yield url, pid

    @asynccontextmanager
    async def ground(self, round_: Round) -> AsyncIterator[str]:
        """Lend a virtual host with leveret's topology and a queue for answers."""
        vhost = f"bench-{secrets.token_hex(4)}"
        self._api.create_vhost(vhost)
        url = with_vhost(self._broker.amqp_url, vhost)
        try:
            await _declare(url, ANSWERS)
            await apply_topology(Settings(amqp_url=url), patience=BEGIN_WITHIN)
            if round_.queue_type == "classic":
                await _make_classic(url, QUEUE)
            yield url
        finally:
            self._api.delete_vhost(vhost)

    def login(self, contender: Contender, round_: Round, url: str) -> str:
        """Return the address for a contender: as a worker of least rights, leveret on classic.

        Leveret refuses a work queue of another type where it may compare; with a worker's rights
        it takes what is there, and this comparison alone gives it such a queue.
        """
        if contender.name != "leveret" or round_.queue_type != "classic":
            return url
        name, password = f"bench-{secrets.token_hex(4)}", secrets.token_hex(8)
        self._api.create_user(name, password)
        may = permissions(Role.WORKER, Names())
        vhost = unquote(urlsplit(url).path[1:])
        self._api.permit(name, vhost, asdict(may))
        return url.replace(urlsplit(url).netloc.rpartition("@")[0], f"{name}:{password}", 1)

    async def watch(self, url: str, pid: int, count: int) -> Measured:
        """Return what a worker does until there are `count` answers."""
        broker = self._broker.pids[0]
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            first = await _until(channel, int(count * WARM) or 1)
            began, before, broker_before = time.monotonic(), cost(pid), cost(broker)
            last = await _until(channel, count)
            seconds, after, broker_after = time.monotonic() - began, cost(pid), cost(broker)
        done = max(1, last - first)
        return Measured(
            done / seconds,
            _us(before, after, done),
            _us(broker_before, broker_after, done),
            after.rss_mb,
        )


async def fill(url: str, tasks: Iterable[Publication]) -> int:
    """Publish the tasks, a thousand unconfirmed at once at most; returns how many they are."""
    filled = 0
    async with Client(url, Names(), heard=lambda _: None) as client:
        for task in tasks:
            client.post(task, lambda _: None)
            filled += 1
            while client.unconfirmed > UNCONFIRMED:  # noqa: ASYNC110 - the loop must turn
                await asyncio.sleep(0)
    return filled


async def _left(url: str) -> int:
    """Return how many tasks nobody has taken yet."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(QUEUE, passive=True)
        return queue.declaration_result.message_count or 0


async def _declare(url: str, queue: str) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True)


async def _make_classic(url: str, queue: str) -> None:
    """Put a classic queue where the topology made a quorum queue."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.queue_delete(queue)
        classic = {"x-queue-type": "classic"}
        await channel.declare_queue(queue, durable=True, arguments=classic)


async def _until(channel: aio_pika.abc.AbstractChannel, wanted: int) -> int:
    """Return how many answers there are once there are as many as wanted."""
    deadline = time.monotonic() + ROUND_WITHIN
    while time.monotonic() < deadline:
        queue = await channel.declare_queue(ANSWERS, passive=True)
        there = queue.declaration_result.message_count or 0
        if there >= wanted:
            return there
        await asyncio.sleep(0.01)
    raise SystemExit(f"{wanted} answers did not come within {ROUND_WITHIN:g} s")


def _us(before: Cost, after: Cost, done: int) -> float:
    return (after.cpu - before.cpu) / done * 1e6


@contextlib.contextmanager
def worker(contender: Contender, stand: Stand, before: Iterable[str] = ()) -> Iterator[int]:
    """Lend a contender at work: the process; `before` is what its command begins with."""
    process = subprocess.Popen(
        [*before, *contender.command(stand)],
        env=environment(stand),
        stdout=subprocess.DEVNULL,
        stderr=sys.stderr if contender.name == "leveret" else subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _keep_to(processors: list[int], *pids: int) -> None:
    """Have all threads of some processes run on these processors only."""
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), processors)


def add_apart(parser: argparse.ArgumentParser) -> None:
    """Let people ask for a processor that contenders have to themselves."""
    if len(PROCESSORS) > 1:
        told = "give contenders a processor to themselves"
        parser.add_argument("--apart", action="store_true", help=told)
    else:
        parser.set_defaults(apart=False)
