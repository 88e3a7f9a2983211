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

from faults import effects
from faults.books import MAIN, Books
from faults.crew import TESTS
from faults.nursery import Birth
from faults.place import ANSWERS, RETRIES, RUNGS, WORK, Place
from faults.probe import ready
from faults.processors import OUTAGE
from faults.requests import Order

from workers.broker.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faults.crew import Child, Crew
    from faults.reckoning import Reckoning

    from workers.broker import ManagementApi, Node, PrivateBroker

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
    place: Place = field(init=False)
    books: Books = field(init=False)
    #: Returns the effects so far.
    effects: Callable[[], list[effects.Effect]] = field(init=False)
    #: What every worker of this row is told.
    settings: dict[str, Any] = field(default_factory=dict)
    #: What every worker of this row does.
    registry: str = "faults.processors:registry"
    #: Process id → where a worker's pages are.
    ports: dict[int, int] = field(default_factory=dict)
    _file: effects.Reader = field(init=False)
    _endless: list[Child] = field(default_factory=list)
    _born: int = 0
    _orders: int = 0

    async def __aenter__(self) -> Self:
        """Make the virtual host and its topology."""
        self.random = random.Random(self.seed)  # noqa: S311 - so that a run can be repeated
        self.place = Place(self.broker, f"faults-{self.run:x}")
        self.books = Books(self.place, self.directory, self.run)
        self._file = effects.Reader(self.effects_file)
        self.effects = self._file.read
        await self.prepare()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every process and remove the virtual host, where its broker still runs."""
        for child in (*self.workers, *self.publishers):
            child.signal(signal.SIGCONT)
            await child.kill()
        await self.place.remove()

    async def prepare(self) -> None:
        """Declare the topology and the mailbox of the answers."""
        await self.place.prepare()

    # -- where things are --

    @property
    def vhost(self) -> str:
        """The name of the virtual host."""
        return self.place.vhost

    @property
    def node(self) -> Node:
        """The first node."""
        return self.broker.nodes[0]

    @property
    def api(self) -> ManagementApi:
        """The HTTP API of a node that is up."""
        return self.place.api

    @property
    def url(self) -> str:
        """Where clients connect, at a node that is up."""
        return self.place.url

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
                    ("run", self.registry),
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

    async def lasts(self, seconds: float) -> None:
        """Let a fault, or the load between two, last: nothing is waited for but its own time."""
        await asyncio.sleep(seconds)

    async def consuming(self, workers: int, *, within: float = 30.0) -> None:
        """Return when so many workers consume."""
        await self.until(
            lambda: self.place.look(WORK)[1] >= workers, within=within, what=f"{workers} consumers"
        )

    async def answered(self, count: int, *, within: float = 60.0) -> float:
        """Return the seconds until so many answers lie in our mailbox."""
        return await self.until(
            lambda: self.place.look(ANSWERS)[0] >= count, within=within, what=f"{count} answers"
        )

    def ready(self, worker: Child) -> tuple[bool, str]:
        """Return whether a worker says that it is ready, and its words."""
        return ready(self.ports[worker.pid])

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
        page = self.books.page()
        until = time.monotonic() + within
        while True:
            with suppress(AssertionError):  # the figures tell what has no end
                await self.until(
                    lambda: self.books.are_balanced(page),
                    within=max(0.0, until - time.monotonic()),
                    what="an end for every request",
                )
            await self.dismiss()
            if time.monotonic() > until or await asyncio.to_thread(self.books.are_balanced, page):
                await self._at_rest()
                return await asyncio.to_thread(self._reckon)
            await self.work()

    async def balance(self, *, within: float = 60.0) -> Reckoning:
        """As `reckon`, but the workers stay; forgets what has come to its end."""
        for publisher in self.publishers:
            await publisher.wait(within)
        page = self.books.page()
        await self.until(
            lambda: self.books.are_balanced(page), within=within, what="an end for every request"
        )
        reckoning = await asyncio.to_thread(self._reckon)
        self.publishers.clear()
        self.books.forget()
        self._file.forget()
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
        await self.until(
            lambda: not any(self.place.look(rung)[0] > 0 for rung in RETRIES), what="empty rungs"
        )

    def _reckon(self) -> Reckoning:
        return self.books.reckon(self.books.page(), (effect.id for effect in self.effects()))
