"""Runs N worker processes as one: starts them, restarts them, shows them as one, drains them all.

Each replica is a whole worker with an HTTP port of its own on loopback; the supervisor asks them
all when it is asked. It consumes nothing itself, so it has nothing to lose.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prometheus_client.parser import text_string_to_metric_families

from workers.replicas.line import Heard
from workers.replicas.pages import SILENT, ask, readyz

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

log = logging.getLogger("leveret.replicas")

AGENT_ID: Final = "LEVERET_AGENT_ID"
#: Seconds between restarts of a replica that keeps dying; doubled each time up to the longest.
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 30.0
#: Seconds a replica must have lived for its death to be the first of its kind.
SETTLED: Final = 30.0
#: Seconds a replica gets beyond its drain grace before it is killed.
BEYOND_GRACE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Start:
    """How a replica is started; what it says comes back on a line of its own."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    grace: float
    #: What a replica calls itself, by its number; None where it finds an id by itself.
    called: Callable[[int], str | None] = lambda _number: None

    def environment_of(self, number: int) -> dict[str, str]:
        """Return a replica's environment: each is somebody, wherever else an id is written."""
        called = self.called(number)
        others = {k: v for k, v in self.environment.items() if k != AGENT_ID}
        return others if called is None else {**others, AGENT_ID: called}


@dataclass(frozen=True, slots=True)
class _End:
    """How a replica's life ended, or that it never began; then there is no exit code."""

    words: str
    code: int | None = None
    left: bool = False


class Replicas:
    """Keeps a number of replicas running, `count` at first, until told to leave."""

    def __init__(self, start: Start, count: int) -> None:
        self._start = start
        self._count = count
        #: Each replica that is kept running, and whether it is told to leave.
        self._kept: dict[int, asyncio.Event] = {}
        self._group: asyncio.TaskGroup | None = None
        self._leaving = False
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._lines: dict[int, Heard] = {}
        #: Since when (seconds) each replica that serves has not answered.
        self._silent: dict[int, float] = {}
        self._failed = False
        #: One of them has served: these settings and this code can start.
        self._served = False

    async def run(self) -> bool:
        """Return once all replicas have left; False when one could not start at all."""
        async with asyncio.TaskGroup() as self._group:
            self.resize(self._count)
        return not self._failed

    @property
    def wanted(self) -> int:
        """How many should be running: without those that were sent away, and leave or have left."""
        return sum(not told.is_set() for told in self._kept.values())

    def resize(self, count: int) -> None:
        """Start or drain as many as it takes to have `count`; nothing once all are leaving."""
        if self._group is None or self._leaving:
            return
        staying = sorted(number for number, told in self._kept.items() if not told.is_set())
        for number in staying[count:]:
            self._tell(number)
        free = (number for number in range(sys.maxsize) if number not in self._kept)
        for _ in range(count - len(staying)):
            number = next(free)
            self._kept[number] = asyncio.Event()
            self._group.create_task(self._keep(number))

    def leave(self) -> None:
        """Tell every replica to drain; told a second time, to hurry."""
        hurry, self._leaving = self._leaving, True
        for number, told in self._kept.items():
            if hurry or not told.is_set():
                self._tell(number)

    def _tell(self, number: int) -> None:
        self._kept[number].set()
        process = self._running.get(number)
        if process is not None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    async def pages(self, path: str, accept: str = "") -> dict[str, str]:
        """Return each replica's page by its number; one that does not answer is left out."""
        ports = self._ports
        texts = await asyncio.gather(
            *(asyncio.to_thread(ask, port, path, accept) for port in ports.values())
        )
        return {str(n): text for n, text in zip(ports, texts, strict=True) if text is not None}

    async def readiness(self) -> dict[int, str]:
        """Return what is in the way of each replica that is to stay; empty where nothing is."""
        known = self._ports
        ports = {number: known.get(number) for number in self._kept}
        told = await asyncio.gather(*(asyncio.to_thread(readyz, port) for port in ports.values()))
        both = dict(zip(ports, told, strict=True))
        return {n: both[n] for n, gone in self._kept.items() if n in both and not gone.is_set()}

    def end_silent(self, told: Mapping[int, str], now: float, *, patience: float) -> None:
        """Kill what has not answered for so many seconds: its loop stands still for good.

        `told` is what `readiness` has just returned. The broker brings its messages again.
        """
        silent = [number for number, why in told.items() if why == SILENT]
        self._silent = {number: self._silent.get(number, now) for number in silent}
        for number, since in self._silent.items():
            process = self._running.get(number)
            if process is not None and now - since > patience:
                log.error(
                    "replica %d has not answered for %.0f s, as if a processor computed or waited "
                    "without an await: it is killed and started again",
                    number,
                    now - since,
                )
                with suppress(ProcessLookupError):
                    process.kill()

    async def totals(
        self, metric: str, label: str, pages: Mapping[str, str] | None = None
    ) -> dict[str, float]:
        """Return a metric's values of all replicas together, by one of its labels."""
        sums: dict[str, float] = {}
        for page in (await self.pages("/metrics") if pages is None else pages).values():
            for family in text_string_to_metric_families(page):
                for sample in family.samples:
                    if sample.name == metric:
                        key = sample.labels.get(label, "")
                        sums[key] = sums.get(key, 0.0) + sample.value
        return sums

    async def total(self, metric: str, pages: Mapping[str, str] | None = None) -> int:
        """Return a counter's value of all replicas together."""
        return int(sum((await self.totals(metric, "", pages)).values()))

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where each replica's pages are."""
        return tuple(f"http://127.0.0.1:{port}" for port in self._ports.values())

    @property
    def _ports(self) -> dict[int, int]:
        lines = self._lines.items()
        return {number: line.port for number, line in lines if line.port is not None}

    @property
    def failed(self) -> bool:
        """Whether a replica could not start at all."""
        return self._failed

    async def _keep(self, number: int) -> None:
        told = self._kept[number]
        try:
            await self._start_again_and_again(number, told)
        finally:
            del self._kept[number]

    async def _start_again_and_again(self, number: int, told: asyncio.Event) -> None:
        wait = FIRST_WAIT
        loop = asyncio.get_running_loop()
        while not told.is_set():
            began = loop.time()
            end = await self._life(number, told)
            if told.is_set():
                break
            if end.left:
                # It drained because an operator asked it to: nobody wants it back.
                log.info("replica %d left, as it was asked to", number)
                break
            if loop.time() - began > SETTLED:
                wait = FIRST_WAIT
            if end.code in _HOPELESS and not self._served:
                log.error("replica %d cannot start (exit code %d)", number, end.code)
                self._failed = True
                self.leave()
                break
            log.warning("replica %d %s; starting it again in %.1f s", number, end.words, wait)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await told.wait()
            wait = min(wait * 2, LONGEST_WAIT)

    async def _life(self, number: int, told: asyncio.Event) -> _End:
        """Run one process to its end; a machine that has none to give is the end of one, too."""
        try:
            process, ours = await self._made(number)
        except OSError as error:  # no memory, processes or descriptors: the others go on
            return _End(f"cannot be started now ({error})")
        self._running[number] = process
        heard = self._lines[number] = Heard(ours)
        if told.is_set():  # while it was being made
            process.send_signal(signal.SIGTERM)
        try:
            code = await self._ended(process, told)
            await heard.close()
        finally:
            self._running.pop(number, None)
            self._lines.pop(number, None)
        self._served = self._served or heard.port is not None
        unasked = " without being asked to" if code == 0 else ""
        return _End(f"ended with {code}{unasked}", code, left=code == 0 and heard.left)

    async def _made(self, number: int) -> tuple[asyncio.subprocess.Process, socket.socket]:
        """Start a process, and return it with our end of its line; raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as undo:
            undo.enter_context(ours)
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "workers.cli",
                *self._start.arguments,
                "--supervised",
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                env=self._start.environment_of(number),
            )
            undo.pop_all()
        return process, ours

    async def _ended(self, process: asyncio.subprocess.Process, told: asyncio.Event) -> int:
        ended = asyncio.create_task(process.wait())
        leaving = asyncio.create_task(told.wait())
        await asyncio.wait([ended, leaving], return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not ended.done():
            await asyncio.wait([ended], timeout=self._start.grace + BEYOND_GRACE)
        if not ended.done():
            log.error("a replica did not leave in time and is killed; the broker has its messages")
            process.kill()
        return await ended


#: Exit codes that a restart does not change: wrong use, and bad settings are 2. Once a replica has
#: served they are the doing of somebody's code, or of a file that was changed since: the replicas
#: that run have no need of either.
_HOPELESS: Final = frozenset({2})
