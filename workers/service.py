"""The worker's life: start → serve → drain → stop.

It starts only when nothing stands against it: the topology is there, the login works, the port is
free. It serves until told to leave, heals its own connections meanwhile, and leaves in the order
that loses nothing: no new deliveries, wait for the work, give back the rest, confirm, close.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import TYPE_CHECKING, Final, Literal

from topology import Names
from workers.assembly import assemble
from workers.control.commands import Told
from workers.control.state import ControlState
from workers.counting import plural
from workers.executor.pool import open_pools
from workers.inbox.opening import open_once
from workers.link.supervisor import LinkError
from workers.logs import LogPlan
from workers.logs import settle as settle_logs
from workers.version import leveret_version

if TYPE_CHECKING:
    from workers.bookkeeping import Watch
    from workers.control.commands import Command
    from workers.outcome import Delivery
    from workers.registry import Registry
    from workers.settings import Settings

log = logging.getLogger("leveret.service")

#: Seconds for the last confirms after the work is done.
LAST_CONFIRMS: Final = 5.0
#: Seconds between looks at what is in the way.
LOOK_EVERY: Final = 1.0


class Stalled(LinkError):
    """Nothing was consumed for so long that somebody else should try."""


class Service:
    """One worker process, from its first connection to its last confirm."""

    def __init__(self, settings: Settings, registry: Registry, watch: Watch) -> None:
        self._settings = settings
        self._registry = registry
        self._watch = watch
        #: What operators have asked for.
        self.state = ControlState()
        parts = assemble(settings, registry, watch, self)
        self.link = parts.link
        self._attempts = parts.pipeline.attempts
        self._runners = parts.runners
        self._books = parts.books
        self._presence = parts.presence
        self._guard = parts.guard
        self._urgent_queue = Names(settings.prefix).urgent(settings.group)
        self._minding: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()
        self._hurry = asyncio.Event()

    # -- life --

    async def run(self) -> None:
        """Serve until told to leave; returns after a clean drain, raises LinkError otherwise."""
        start = asyncio.create_task(self.start(), name="start")
        leave = asyncio.create_task(self._leave.wait(), name="leave")
        try:
            await asyncio.wait([start, leave], return_when=asyncio.FIRST_COMPLETED)
            if start.done():
                await start
                await self._serve(leave)
        finally:
            for task in (start, leave):
                task.cancel()
            await self.drain(asked=self._leave.is_set())

    async def start(self) -> None:
        """Connect and begin to consume; raises LinkError when that cannot be had."""
        attempts, chosen = self._attempts, self._settings
        plan = LogPlan(form=chosen.log_format, level=chosen.log_level, worker=chosen.agent_id)
        attempts.pools = open_pools(self._registry.routes, plan)
        attempts.once = await open_once(self._settings, self._registry, self._watch.metrics.inbox)
        if attempts.once is not None:
            attempts.once.begin()
        await self.link.start(within=self._settings.patience)
        self._guard.standstill.begin()
        self._minding = asyncio.create_task(self._mind(), name="mind")
        self._presence.begin()
        tune_collector()
        log.info(
            "worker %s consumes %s: %d at once, %d in flight at most",
            self._settings.agent_id,
            self._settings.group,
            self._settings.prefetch_of(self._settings.group),
            self.link.most_unsettled,
        )

    async def pause(self) -> None:
        """Take no more messages until `resume`, and give back what nobody has begun."""
        self._watch.health.paused("paused by an operator (leveret ctl resume)")
        await self.link.pause()
        self._give_back()

    def resume(self) -> None:
        """Take messages again."""
        self.link.resume()
        self._watch.health.paused(None)

    def told(self, command: Command, *, refused: str = "") -> Told:
        """Return how this replica stands, for the operator who asked."""
        leaving, reason = self._leave.is_set(), self._watch.health.reason
        paused = "paused" if self.state.paused else ""
        return Told(
            id=command.id,
            replica=self._settings.agent_id,
            group=self._settings.group,
            state="draining" if leaving else paused or reason or "serving",
            maintenance=self.state.maintenance,
            in_flight=self._watch.metrics.in_flight,
            version=leveret_version(),
            refused=refused,
        )

    def leave(self) -> None:
        """Begin to drain; called a second time, stop waiting for the work."""
        if self._leave.is_set():
            self._hurry.set()
        self._leave.set()

    async def drain(self, *, asked: bool = True) -> None:
        """Leave without losing anything: give back what is not finished within the grace.

        Of a worker that leaves although nobody asked it to, the notes of what it did stay behind.
        """
        health = self._watch.health
        health.draining()
        await self.link.quiet()
        self._give_back()
        busy = plural(self._runners.busy, "message is", "messages are")
        log.info("draining: %s being worked on", busy)
        if not await self._finished():
            left = self._watch.metrics.in_flight
            log.warning("%s given back unfinished", plural(left, "message is", "messages are"))
        await self._runners.stop()
        if (pools := self._attempts.pools) is not None:
            await pools.close()
        if (once := self._attempts.once) is not None:
            await once.close()
        await self._presence.stop()
        if self._minding is not None:
            self._minding.cancel()
        await self.link.stop(within=LAST_CONFIRMS)
        if asked:
            self._guard.close()
        health.stopped()
        log.info("drained")

    def _give_back(self) -> None:
        """Give the broker back what nobody has begun."""
        for delivery in self._runners.give_up_waiting():
            self.link.requeue(delivery)
            self._books.abandoned(delivery)

    async def _finished(self) -> bool:
        """Wait for the work to end, for the grace to pass or for somebody to hurry us."""
        hurry = asyncio.create_task(self._hurry.wait())
        grace = self._settings.drain_grace
        finish = asyncio.create_task(self._books.all_settled(within=grace))
        await asyncio.wait([hurry, finish], return_when=asyncio.FIRST_COMPLETED)
        finished = finish.done() and finish.result()
        for task in (hurry, finish):
            task.cancel()
        return finished

    async def _serve(self, leave: asyncio.Task[Literal[True]]) -> None:
        """Wait to be told to leave; raises Stalled when there was no line for too long."""
        assert self._minding is not None  # noqa: S101 - started before
        await asyncio.wait([leave, self._minding], return_when=asyncio.FIRST_COMPLETED)
        if self._minding.done():
            await self._minding

    async def _mind(self) -> None:
        """Tell probes each second what is in the way; raises Stalled when it stays so for long."""
        health, patience = self._watch.health, self._settings.patience
        while health.not_consuming_for() <= patience:
            await asyncio.sleep(LOOK_EVERY)
            self._guard.standstill.turned()
            self._note_blocked(health.blocked(self.link.blocked))
            self._books.clear_held()
            if (once := self._attempts.once) is not None and once.lost:
                health.line("inbox", f"inbox: {once.lost}")
            settle_logs()
        raise Stalled(
            f"nothing could be done for {patience:g} s ({health.reason}); leaving, so that whoever "
            "supervises this worker can start it anew",
        )

    def _note_blocked(self, changed: bool) -> None:  # noqa: FBT001 - health's own yes or no
        """Tell of an alarm at the broker once, and once that it is over."""
        if not changed:
            return
        if self.link.blocked:
            log.warning(
                "the broker is in alarm and takes no publications: what is done waits with us to "
                "be answered; free memory or disk there (rabbitmq-diagnostics alarms)",
            )
        else:
            log.info("the broker's alarm is over: publications go out again")

    # -- called back by the parts --

    def take(self, delivery: Delivery) -> None:
        """Take a delivery from the link."""
        self._watch.metrics.received(delivery)
        self._runners.take(delivery, urgent=delivery.queue == self._urgent_queue)

    def line_changed(self, connection: str, there: bool, why: str) -> None:  # noqa: FBT001 - yes or no
        """Hear that a line to the broker came or went."""
        self._watch.metrics.connected(connection, there)
        self._watch.health.line(connection, None if there else f"reconnecting: {why}")
        if connection == "consuming" and not there:
            # What waits belongs to a session that is over: the broker brings it again.
            for delivery in self._runners.give_up_waiting():
                self._books.abandoned(delivery)

    def figures(self) -> dict[str, float]:
        """Return what heartbeats tell of this worker."""
        return {
            **self._books.figures(),
            "ready": float(self._watch.health.reason is None),
            "paused": float(self.state.paused),
            "maintenance": float(self.state.maintenance),
        }


def tune_collector() -> None:
    """Keep the garbage collector from walking what lives as long as the worker.

    Everything made until now stays; with the threshold raised a collection is rare enough that
    it costs less than the validation of one message in a hundred.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
