"""Everything one row needs: a virtual host, workers, a publisher, and the books in the end."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.error import HTTPError
from urllib.request import urlopen

import orjson
from faults import effects
from faults.crew import TESTS
from faults.ledger import Page
from faults.nursery import Birth
from faults.processors import OUTAGE
from faults.raw import Found, Gone, Raw
from faults.reckoning import Evidence, Reckoning, Seen, reckon
from faults.requests import AGENT, MAILBOX, Order

from topology import Names
from workers import headers
from workers.broker import ManagementApi, with_vhost
from workers.broker.ports import free_ports
from workers.link.ground import stand
from workers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faults.crew import Child, Crew

    from workers.broker import Node, PrivateBroker

NAMES: Final = Names()
#: Short rungs, so that a retry does not take a row's whole time.
RUNGS: Final = "200ms,400ms,800ms"
#: The ledger of requests that must each come to an end.
MAIN: Final = "ledger"
#: Where the answers to the harness go.
ANSWERS: Final = NAMES.mailbox(AGENT, MAILBOX)
#: Where the numbers of the first order begin; those of the n-th begin at n times as much.
FIRST: Final = 10_000_000
#: Seconds between two looks.
LOOK_EVERY: Final = 0.05


@dataclass(slots=True)
class Rig:
    """A virtual host of its own on a broker of ours, and the processes around it."""

    broker: PrivateBroker
    crew: Crew
    directory: Path
    seed: int = 1
    run: int = field(default_factory=lambda: secrets.randbits(60))
    workers: list[Child] = field(default_factory=list)
    publishers: list[Child] = field(default_factory=list)
    random: random.Random = field(init=False)
    vhost: str = field(init=False)
    answers: list[Seen] = field(default_factory=list)
    letters: list[Seen] = field(default_factory=list)
    #: What every worker of this row is told.
    settings: dict[str, Any] = field(default_factory=dict)
    #: Process id → where a worker's pages are.
    ports: dict[int, int] = field(default_factory=dict)
    _endless: list[Child] = field(default_factory=list)
    _born: int = 0
    _orders: int = 0

    async def __aenter__(self) -> Self:
        """Make the virtual host and its topology."""
        self.random = random.Random(self.seed)  # noqa: S311 - so that a run can be repeated
        self.vhost = f"faults-{self.run:x}"
        await self.prepare()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every process and remove the virtual host, where its broker still runs."""
        for child in (*self.workers, *self.publishers):
            child.signal(signal.SIGCONT)
            await child.kill()
        if all(node.pid for node in self.broker.nodes):
            await asyncio.to_thread(self.api.delete_vhost, self.vhost)

    async def prepare(self) -> None:
        """Declare the topology and the mailbox of the answers."""
        await asyncio.to_thread(self.api.create_vhost, self.vhost)
        await stand(Settings(amqp_url=self.url, retry_delays=RUNGS), patience=30)
        await asyncio.to_thread(self._make_mailbox)

    def _make_mailbox(self) -> None:
        with Raw(self.url) as raw:
            raw.declare(ANSWERS, {"x-queue-type": "quorum"})
            raw.bind(ANSWERS, NAMES.replies, NAMES.mailbox_key(AGENT, MAILBOX))
            # RabbitMQ 3.10 and 4.0: the quorum queue that was declared last, less than 5 s before
            # the node is killed, has no leader after its restart. Let it be one that nobody needs.
            raw.declare("sacrifice", {"x-queue-type": "quorum"})

    # -- where things are --

    @property
    def node(self) -> Node:
        """The first node."""
        return self.broker.nodes[0]

    @property
    def api(self) -> ManagementApi:
        """The HTTP API of a node that is up."""
        return ManagementApi(self.up[0].management_url)

    @property
    def up(self) -> list[Node]:
        """The nodes that are up."""
        return [node for node in self.broker.nodes if node.pid is not None]

    @property
    def url(self) -> str:
        """Where clients connect, at a node that is up."""
        return with_vhost((self.up or [self.node])[0].amqp_url, self.vhost)

    @property
    def mailbox(self) -> str:
        """The queue of the answers to us."""
        return ANSWERS

    @property
    def effects_file(self) -> Path:
        """Where effects are counted."""
        return self.directory / "effects"

    @property
    def outage_file(self) -> Path:
        """While it is there, the task `outage` fails."""
        return self.directory / "outage"

    # -- processes --

    async def work(self, *, count: int = 1, url: str | None = None, **settings: Any) -> list[Child]:
        """Start workers and return them; names in capitals go to their environment as they are."""
        told = {
            "amqp_url": url or self.url,
            "retry_delays": RUNGS,
            "amqp_heartbeat": 1,
            "drain_grace": 5,
            "connect_timeout": 2,
            "state_dir": self.directory / "state",
            "prefetch": 100,
        }
        own = {name: str(value) for name, value in settings.items() if name.isupper()}
        told |= self.settings
        told |= {name: value for name, value in settings.items() if not name.isupper()}
        born = []
        for _ in range(count):
            self._born += 1
            (port,) = free_ports(1)
            environment = {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(TESTS),
                "LEVERET_HTTP_PORT": str(port),
                **{f"LEVERET_{name.upper()}": str(value) for name, value in told.items()},
                effects.EFFECTS: str(self.effects_file),
                OUTAGE: str(self.outage_file),
                **own,
            }
            worker = await self.crew.bear(
                Birth(
                    "leveret",
                    ("run", "faults.processors:registry"),
                    environment,
                    str(self.directory),
                    str(self.directory / f"worker-{self._born}.log"),
                )
            )
            self.ports[worker.pid] = port
            born.append(worker)
        self.workers += born
        return born

    async def publish(self, count: int, *, ledger: str = MAIN, **order: Any) -> Child:
        """Start a publisher of so many requests, numbered on from those before.

        Requests in another ledger than the main one are known as sent, and no more is expected.
        """
        whole = Order(
            **{
                "url": self.url,
                "ledger": str(self.directory / ledger),
                "run": self.run,
                "count": count,
                "first": self.next_number(),
                **order,
            }
        )
        child = await self.crew.bear(
            Birth(
                "publisher",
                (whole.text(),),
                {"PATH": os.environ["PATH"]},
                str(self.directory),
                str(self.directory / "publisher.log"),
            )
        )
        self.publishers.append(child)
        if whole.endless:
            self._endless.append(child)
        return child

    def next_number(self) -> int:
        """Return where numbers begin that nobody has used: far above the last one's."""
        self._orders += 1
        return FIRST * self._orders

    # -- waiting --

    async def until(self, holds: Callable[[], object], *, within: float = 60.0, what: str) -> float:
        """Return the seconds until something holds; fails with its name when it does not."""
        began = time.monotonic()
        while not await asyncio.to_thread(holds):
            if time.monotonic() - began > within:
                raise AssertionError(f"{what}: not within {within:g} s")
            await asyncio.sleep(LOOK_EVERY)
        return time.monotonic() - began

    async def consuming(self, workers: int, *, within: float = 30.0) -> None:
        """Return when so many workers consume."""
        work = NAMES.work("default")
        await self.until(
            lambda: self.look(work)[1] >= workers, within=within, what=f"{workers} consumers"
        )

    def look(self, queue: str) -> tuple[int, int]:
        """Return how many messages are ready in a queue, and who consumes it; -1 where unknown."""
        try:
            with Raw(self.url, confirms=False) as raw:
                return raw.look(queue)
        except Gone:
            return -1, -1

    def effects(self) -> list[effects.Effect]:
        """Return the effects so far."""
        return effects.read(self.effects_file)

    def page(self, ledger: str = MAIN) -> Page:
        """Return what the publishers have written down."""
        return Page.read(self.directory / ledger, self.run)

    def progress(self) -> int:
        """Return how many requests of the main ledger are confirmed so far."""
        return len(self.page().confirmed)

    def ready(self, worker: Child) -> tuple[bool, str]:
        """Return whether a worker says that it is ready, and its words."""
        try:
            with urlopen(f"http://127.0.0.1:{self.ports[worker.pid]}/readyz", timeout=2) as page:
                return True, page.read().decode().strip()
        except HTTPError as refused:
            return False, refused.read().decode().strip()
        except OSError as error:
            return False, f"no page: {error}"

    async def effects_after(self, moment: float, *, within: float = 60.0, count: int = 1) -> float:
        """Return the seconds from a moment to the first effect after it."""
        seen: list[effects.Effect] = []

        def there() -> bool:
            seen[:] = [one for one in self.effects() if one.at > moment]
            return len(seen) >= count

        await self.until(there, within=within, what=f"{count} effects")
        return seen[count - 1].at - moment

    # -- the books --

    async def reckon(self, *, within: float = 60.0) -> Reckoning:
        """Wait until everything has come to its end, drain the workers, and return the figures.

        What a draining worker gave back is given to another one.
        """
        for publisher in self._endless:
            publisher.signal(signal.SIGTERM)
        for publisher in self.publishers:
            await publisher.wait(within)
        page = self.page()
        until = time.monotonic() + within
        while True:
            with suppress(AssertionError):  # the figures tell what has no end
                await self.until(
                    lambda: self._is_over(page),
                    within=max(0.0, until - time.monotonic()),
                    what="an end for every request",
                )
            await self.dismiss()
            if time.monotonic() > until or await asyncio.to_thread(self._is_over, page):
                await self._at_rest()
                return await asyncio.to_thread(self._reckon, page)
            await self.work()

    async def balance(self, *, within: float = 60.0) -> Reckoning:
        """As `reckon`, but the workers stay; forgets what has come to its end."""
        for publisher in self.publishers:
            await publisher.wait(within)
        page = self.page()
        await self.until(
            lambda: self._is_over(page), within=within, what="an end for every request"
        )
        reckoning = await asyncio.to_thread(self._reckon, page)
        self.publishers.clear()
        self.answers.clear()
        self.letters.clear()
        for path in (self.directory / MAIN, self.effects_file):
            if path.exists():
                os.truncate(path, 0)
        return reckoning

    async def dismiss(self) -> list[int]:
        """Have every worker drain and leave; returns the exit codes of those that lived."""
        living = [worker for worker in self.workers if worker.code is None]
        for worker in living:
            worker.signal(signal.SIGTERM)
        codes = [await worker.wait() for worker in living]
        self.workers.clear()
        return codes

    async def _at_rest(self) -> None:
        """Wait until what is on a rung has come back: on its way it could be counted nowhere."""
        rungs = self.waiting_rooms()[2:]
        await self.until(
            lambda: not any(self.look(rung)[0] > 0 for rung in rungs), what="empty rungs"
        )

    def _is_over(self, page: Page) -> bool:
        """Whether every confirmed request has an end, and nothing waits for a worker."""
        self.collect()
        ended = {seen.id for seen in (*self.answers, *self.letters)}
        return page.confirmed <= ended and not any(
            self.look(room)[0] for room in self.waiting_rooms()
        )

    def collect(self) -> None:
        """Take the answers and dead letters that are there."""
        self.answers += self._take(ANSWERS)
        self.letters += self._take(NAMES.dead_queue("default"))

    def _take(self, queue: str) -> list[Seen]:
        try:
            with Raw(self.url, confirms=False) as raw:
                ready, _ = raw.look(queue)
                return [seen_of(found) for found in raw.take(queue, ready)] if ready else []
        except Gone:
            return []

    def waiting_rooms(self) -> list[str]:
        """Return the queues in which a request can wait."""
        rungs = [f"{NAMES.retries}.{rung}" for rung in RUNGS.split(",")]
        return [NAMES.work("default"), NAMES.urgent("default"), *rungs]

    def _reckon(self, page: Page) -> Reckoning:
        self.collect()
        queued = {seen.id for room in self.waiting_rooms() for seen in self._take(room)}
        others = self.directory.glob(f"{MAIN}-*")
        return reckon(
            Evidence(
                sent=page.sent.union(*(self.page(one.name).sent for one in others)),
                confirmed=page.confirmed,
                answers=tuple(self.answers),
                letters=tuple(self.letters),
                queued=frozenset(queued),
                effects=tuple(effect.id for effect in self.effects()),
            )
        )


def seen_of(found: Found) -> Seen:
    """Return whose an answer or a letter is; the body knows best."""
    properties = found.properties
    code = properties.headers.get(headers.ERROR_CODE)
    body = _document(found.body)
    whose = body.get("correlation_id") or body.get("envelope_id") or properties.correlation_id
    mark = properties.headers.get(headers.ID) or properties.message_id
    return Seen(str(whose), str(mark), str(code or properties.type))


def _document(body: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}
