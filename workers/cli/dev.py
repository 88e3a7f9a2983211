"""`leveret dev`: all of it on one machine: broker, topology, workers, messages, and a view."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

import orjson
from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape

from examples.load import Sender, sample_load
from topology import Names
from workers.broker import choose
from workers.cli import DONE, FAILED, INTERRUPTED, NO_BROKER, Failure
from workers.cli.books import Books
from workers.cli.broker_gone import gone
from workers.cli.elsewhere import lines
from workers.cli.live import EVERY, Live
from workers.cli.options import NOWHERE, Where, Whole, settings
from workers.cli.say import say, write
from workers.counting import plural
from workers.link.client import Client
from workers.link.ground import stand
from workers.logs import LogPlan, configure
from workers.presence.roster import Roster
from workers.publication import Publication
from workers.replicas.replicas import Replicas, Start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from examples.load import Sample
    from workers.broker import Broker
    from workers.outcome import Delivery
    from workers.settings import Settings

#: Seconds for everything to start, and for the sample load to come to its ends.
START_WITHIN: Final = 60.0
ACCOUNTED_WITHIN: Final = 90.0
#: Seconds between two looks at the books, and between two samples once the load is through.
LOOK_EVERY: Final = 0.1
TRICKLE_EVERY: Final = 0.25
#: Seconds after which workers are told to hurry that drain without a broker.
HURRIED_AFTER: Final = 1.0

_say = Console(stderr=True, highlight=False)


def dev(
    *,
    workers: Annotated[Whole, Parameter(help="Worker processes.")] = 2,
    once: Annotated[bool, Parameter(negative="", help="Stop when all is accounted for.")] = False,
    json: Annotated[
        bool, Parameter(negative="", help="Print the books as one JSON document.")
    ] = False,
    count: Annotated[Whole, Parameter(help="Messages of the sample load.")] = 240,
    where: Where = NOWHERE,
) -> int:
    """Start everything on this machine and show it at work.

    A broker (a private one unless LEVERET_AMQP_URL is set), the topology, workers with the example
    processors, and a sample load of good and bad messages. On a broker of yours all of it is under
    a prefix of its own (leveret-dev), unless you say which. Example: `leveret dev --once --json`
    """
    if workers < 1 or count < 1:
        raise Failure("give at least one worker and one message", code=2)
    chosen = settings(where)
    configure(LogPlan(form=chosen.log_format, level="WARNING"))
    prefix = _prefix(chosen, where.prefix)
    _say.print(f"[bold]leveret dev[/] — {escape(_place(chosen, prefix))}", soft_wrap=True)
    broker = choose(None if chosen.amqp_url is None else chosen.amqp_url.get_secret_value())
    try:
        own = settings(Where(broker.amqp_url, prefix))
        stage = _Stage(own, workers=workers, count=count, json=json)
        return asyncio.run(stage.play(broker, once=once))
    finally:
        broker.close()


def _prefix(chosen: Settings, given: str | None) -> str:
    """Return under which names it plays: on a broker of theirs not where their messages are.

    Else the example processors would take work that is meant for others, and dead-letter it.
    """
    return chosen.prefix if given or chosen.amqp_url is None else f"{chosen.prefix}-dev"


def _place(chosen: Settings, prefix: str) -> str:
    if chosen.amqp_url is None:
        return "starting a broker …"
    return f"on your broker {chosen.amqp_url}, under the prefix {prefix}, whose queues stay there"


class _Stage:
    """Everything that is up while `dev` runs."""

    def __init__(self, chosen: Settings, *, workers: int, count: int, json: bool) -> None:
        self._settings = chosen
        self._workers = workers
        self._count = count
        self._json = json
        self._names = Names(chosen.prefix)
        self._books = Books()
        self._roster = Roster(interval=chosen.heartbeat_interval, clock=_monotonic)
        self._stop = asyncio.Event()
        self._moved = asyncio.Event()
        #: What keeps each of our lines from the broker.
        self._missing: dict[str, str] = {}
        self._client = Client(
            _url(chosen),
            self._names,
            heard=self._heard,
            watching=True,
            connect_timeout=chosen.connect_timeout,
        )
        self._client.watch(self._heard_of)

    async def play(self, broker: Broker, *, once: bool) -> int:
        """Run the whole play; returns the exit code, or raises Failure when its broker ends."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._leave)
        playing = asyncio.create_task(self._played(once=once))
        how = await gone(broker, playing)
        if not how:
            return await playing
        say(f"the broker has gone ({how}), and what it held with it; the workers are ended")
        playing.cancel()
        await asyncio.wait([playing])
        raise Failure(
            f"{self._left()}; start anew with `leveret dev`, and if the broker goes again, look "
            "for what ends it: `dmesg` tells where memory ran out",
            code=NO_BROKER,
        )

    def _leave(self) -> None:
        self._stop.set()
        self._moved.set()

    async def _played(self, *, once: bool) -> int:
        await stand(self._settings, patience=START_WITHIN)
        async with self._replicas() as replicas, self._client:
            if not await self._until_ready(replicas):
                return INTERRUPTED
            _say.print(
                f"{plural(self._workers, 'worker is', 'workers are')} ready; "
                f"{plural(self._count, 'message goes', 'messages go')} out"
            )
            await self._publish(self._sender_load(self._count, seed=0))
            if once:
                return await self._account(replicas)
            self._tell_others(replicas)
            live = Live(self._books, self._roster, trouble=self._trouble, json=self._json)
            await live.show(self._stop, self._trickle)
            if trouble := self._trouble():
                raise Failure(f"{self._left()}; {trouble}", code=NO_BROKER)
            return DONE

    def _tell_others(self, replicas: Replicas) -> None:
        """Print what to type elsewhere, before the view, which knows no scrolling back."""
        told = lines(_url(self._settings), self._settings.prefix, replicas.addresses)
        if self._json:  # standard output is for programs
            _say.out(told, end="")
        else:
            write(told.encode())

    def _heard_of(self, line: str, there: bool, why: str) -> None:  # noqa: FBT001 - yes or no
        self._missing.pop(line, None)
        if not there:
            self._missing[line] = why

    def _trouble(self) -> str:
        """Return what keeps us from the broker; empty while nothing does."""
        return next(iter(self._missing.values()), "")

    def _left(self) -> str:
        if not self._books.open:
            return "no message was on the way"
        return f"{plural(self._books.open, 'message')} came to no end"

    async def _account(self, replicas: Replicas) -> int:
        """Wait until every sample has come to its end; print the books."""
        loop = asyncio.get_running_loop()
        until = loop.time() + ACCOUNTED_WITHIN
        while self._books.open and not self._stop.is_set() and loop.time() < until:
            self._moved.clear()
            try:
                async with asyncio.timeout(until - loop.time()):
                    await self._moved.wait()
            except TimeoutError:
                break
        told = self._books.told(await replicas.total("leveret_retries_total"))
        if self._json:
            write(orjson.dumps(told), b"\n")
        else:
            _say.print(
                "  ".join(f"{name.replace('_', ' ')} [bold]{n}[/]" for name, n in told.items())
            )
        for line in self._books.discrepancies():
            _say.print(f"[red]{line}[/]")
        return DONE if self._books.balanced else FAILED

    def _heard(self, delivery: Delivery) -> None:
        if delivery.queue == self._client.mailbox:
            self._books.answered(delivery)
        elif delivery.queue == self._client.heartbeats:
            self._roster.heard(delivery.body)
        else:
            self._books.dead_lettered(delivery)
        self._moved.set()

    def _sender_load(self, count: int, seed: int) -> list[Sample]:
        sender = Sender(
            agent_id=self._client.agent_id,
            reply_to=self._client.reply_to,
            prefix=self._settings.prefix,
            max_body_bytes=self._settings.max_body_bytes,
        )
        return list(sample_load(count, seed, sender=sender))

    async def _publish(self, samples: list[Sample]) -> None:
        for sample in samples:
            self._books.entered(sample)
            await self._client.publish(self._publication(sample))

    def _publication(self, sample: Sample) -> Publication:
        key = self._names.request_key(sample.message_type, sample.task_type, urgent=sample.urgent)
        properties = sample.properties
        return Publication(
            self._names.requests,
            key,
            sample.body,
            properties.headers,
            content_type=properties.content_type,
            content_encoding=properties.content_encoding,
            correlation_id=properties.correlation_id,
            reply_to=properties.reply_to,
            type=sample.message_type,
            timestamp=properties.timestamp,
        )

    async def _trickle(self) -> None:
        """Keep some messages coming, so that there is something to see."""
        seed = 0
        while True:
            seed += 1
            for sample in self._sender_load(self._count, seed):
                await self._publish([sample])
                await asyncio.sleep(TRICKLE_EVERY)

    @asynccontextmanager
    async def _replicas(self) -> AsyncIterator[Replicas]:
        environment = {
            **os.environ,
            "LEVERET_HTTP_PORT": "0",
            "LEVERET_HTTP_HOST": "127.0.0.1",
            "LEVERET_AMQP_URL": _url(self._settings),
            "LEVERET_PREFIX": self._settings.prefix,
            "LEVERET_LOG_LEVEL": "ERROR",
        }
        environment.setdefault("LEVERET_HEARTBEAT_INTERVAL", f"{EVERY:g}s")  # it is looked at live
        # Nobody comes after the play who would want to know what its workers died of.
        with TemporaryDirectory(prefix="leveret-dev-") as notes:
            environment.setdefault("LEVERET_STATE_DIR", notes)
            chosen = self._settings
            start = Start(
                ["run", "--processes", "1"],
                environment,
                chosen.drain_grace,
                called=chosen.replica_id,
            )
            replicas = Replicas(start, self._workers)
            running = asyncio.create_task(replicas.run())
            try:
                yield replicas
            finally:
                replicas.leave()
                if self._missing:  # what is under way has nobody to be settled with
                    await asyncio.wait([running], timeout=HURRIED_AFTER)
                    replicas.leave()
                await running

    async def _until_ready(self, replicas: Replicas) -> bool:
        """Wait until every worker consumes; False when told to stop before."""
        loop = asyncio.get_running_loop()
        until = loop.time() + START_WITHIN
        while not self._stop.is_set():
            if len(await replicas.pages("/readyz")) == self._workers:
                return True
            if replicas.failed or loop.time() > until:
                raise Failure(
                    f"the workers did not become ready within {START_WITHIN:g} s; start one by "
                    "hand to see why: leveret run",
                )
            await asyncio.sleep(LOOK_EVERY)
        return False


def _url(chosen: Settings) -> str:
    assert chosen.amqp_url is not None  # noqa: S101 - dev has chosen a broker
    return chosen.amqp_url.get_secret_value()


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
