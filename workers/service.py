"""The worker's life: start → serve → drain → stop.

It starts only when nothing stands against it: the topology is there, the login works, the port is
free. It serves until told to leave, heals its own connections meanwhile, and leaves in the order
that loses nothing: no new deliveries, wait for the work, give back the rest, confirm, close.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Final, Literal

from topology import Names
from workers.control.commands import Told
from workers.control.control import Control, Post
from workers.control.state import ControlState
from workers.crashes.notes import open_notes
from workers.crashes.suspects import CrashGuard
from workers.executor.pool import open_pools
from workers.headers import REPLAY_OF
from workers.inbox.opening import open_once
from workers.link.ear import Ear
from workers.link.link import Link, LinkPlan
from workers.link.supervisor import LinkError
from workers.logs import LogPlan, log_outcome
from workers.metrics.figures import AGE, histogram
from workers.pipeline import Pipeline
from workers.policy import policy_of
from workers.presence.heartbeat import Presence, describe
from workers.runners import Runners
from workers.settle import Settler
from workers.settling.copies import Origin
from workers.settling.replays import word
from workers.version import leveret_version

if TYPE_CHECKING:
    from workers.control.commands import Command
    from workers.metrics.metrics import Metrics
    from workers.outcome import Answer, Delivery, Outcome
    from workers.probes.health import Health
    from workers.publication import Publication, Published
    from workers.registry import Registry
    from workers.runners import Handle
    from workers.settings import Settings
    from workers.tracing import Tracing

log = logging.getLogger("leveret.service")

#: Seconds for the last confirms after the work is done.
LAST_CONFIRMS: Final = 5.0
#: Seconds between looks at what is in the way.
LOOK_EVERY: Final = 1.0
#: Seconds after a copy should have been taken that none was refused again.
CLEARED_AFTER: Final = 2.0
#: Share of the prefetch that is kept free for urgent messages.
URGENT_SHARE: Final = 10
#: Characters of an agent id in the name of its control queue.
LONGEST_WHOSE: Final = 100


class Stalled(LinkError):
    """Nothing was consumed for so long that somebody else should try."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What shows the service to the outside."""

    metrics: Metrics
    health: Health


class Service:
    """One worker process: a link, a pipeline, runners and the books about them."""

    def __init__(self, settings: Settings, registry: Registry, watch: Watch) -> None:
        if settings.amqp_url is None:
            raise LinkError(
                "no broker is configured; set LEVERET_AMQP_URL=amqp://user:password@host/vhost"
            )
        self._settings = settings
        self._registry = registry
        self._watch = watch
        names = Names(settings.prefix)
        group = settings.group
        prefetch = settings.prefetch_of(group)
        # Each queue needs one at least, so that a prefetch of 1 holds two: one in work, and an
        # urgent one behind it, which is next.
        urgent = max(1, prefetch // URGENT_SHARE)
        self._urgent_queue = names.urgent(group)
        plan = LinkPlan(
            amqp_url=settings.amqp_url.get_secret_value(),
            queues={
                self._urgent_queue: urgent,
                names.work(group): max(1, prefetch - urgent),
            },
            careful=True,
            name=f"leveret worker {settings.agent_id}",
            heartbeat=int(settings.amqp_heartbeat),
            connect_timeout=settings.connect_timeout,
        )
        self.link = Link(plan, self._take)
        self.link.watch(self._link_changed)
        self.link.outbox.observe = watch.metrics.published
        operators = settings.replaying_users
        self._origin = origin = Origin(names, group, settings.agent_id, plan.user, operators)
        source = describe(settings, registry, load_factor=0.0)
        self._guard = CrashGuard(open_notes(settings.state_dir))
        #: What operators have asked for.
        self.state = state = ControlState()
        policy = policy_of(settings, source, user=plan.user, maintenance=lambda: state.maintenance)
        self._pipeline = Pipeline(registry, policy, guard=self._guard)
        brakes = self._pipeline.attempts.brakes
        watch.metrics.dropping = lambda: self._pipeline.dropped_fields
        watch.metrics.braking = lambda: [route.name for route in brakes.engaged]
        tracing = _tracing(self._pipeline.handle) if settings.tracing else None
        broker = self.link if tracing is None else tracing.broker(self.link)
        watch.metrics.trace_of = None if tracing is None else tracing.trace_of
        settle = Settler(
            broker, origin, self, now=lambda: datetime.now(UTC), prefetch=prefetch
        ).settle
        self._runners = (
            Runners(self._pipeline.handle, settle, most=prefetch)
            if tracing is None
            else Runners(tracing.handle, tracing.around(settle), most=prefetch)
        )
        watch.metrics.oldest = self._runners.oldest
        watch.metrics.hindrances = watch.health.hindrances
        self._presence = Presence(
            settings, registry, self.link, lambda: self._runners.busy, self._figures
        )
        self._prefetch = prefetch
        users = settings.controlling_users(plan.user)
        post = Post(replica=settings.agent_id, users=users, names=names)
        control = Control(self, self.state, post, self.link.publish)
        self.link.hear(Ear(names.control, self._ear_queue, control.heard))
        self._minding: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()
        self._hurry = asyncio.Event()
        #: Set when a leaving worker holds nothing any more; None until it leaves.
        self._empty: asyncio.Event | None = None
        #: Until when (monotonic seconds) a copy that nobody takes is told about.
        self._held_until = 0.0

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
            await self.drain()

    async def start(self) -> None:
        """Connect and begin to consume; raises LinkError when that cannot be had."""
        attempts, chosen = self._pipeline.attempts, self._settings
        plan = LogPlan(form=chosen.log_format, level=chosen.log_level, worker=chosen.agent_id)
        attempts.pools = open_pools(self._registry.routes, plan)
        attempts.once = await open_once(self._settings, self._registry, self._watch.metrics.inbox)
        if attempts.once is not None:
            attempts.once.begin()
        await self.link.start(within=self._settings.patience)
        self._minding = asyncio.create_task(self._mind(), name="mind")
        self._presence.begin()
        _tune_collector()
        log.info(
            "worker %s consumes %s: %d at once, %d in flight at most",
            self._settings.agent_id,
            self._settings.group,
            self._prefetch,
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

    async def drain(self) -> None:
        """Leave without losing anything: give back what is not finished within the grace."""
        health = self._watch.health
        health.draining()
        await self.link.quiet()
        self._give_back()
        log.info("draining: %d messages are being worked on", self._runners.busy)
        if not await self._finished():
            left = self._watch.metrics.in_flight
            log.warning("%d messages are given back unfinished", left)
        await self._runners.stop()
        if (pools := self._pipeline.attempts.pools) is not None:
            await pools.close()
        if (once := self._pipeline.attempts.once) is not None:
            await once.close()
        await self._presence.stop()
        if self._minding is not None:
            self._minding.cancel()
        await self.link.stop(within=LAST_CONFIRMS)
        self._guard.close()
        health.stopped()
        log.info("drained")

    def _give_back(self) -> None:
        """Give the broker back what nobody has begun."""
        for delivery in self._runners.give_up_waiting():
            self.link.requeue(delivery)
            self._watch.metrics.abandoned(delivery)

    async def _finished(self) -> bool:
        """Wait for the work to end, for the grace to pass or for somebody to hurry us."""
        hurry = asyncio.create_task(self._hurry.wait())
        finish = asyncio.create_task(self._all_settled())
        await asyncio.wait([hurry, finish], return_when=asyncio.FIRST_COMPLETED)
        finished = finish.done() and finish.result()
        for task in (hurry, finish):
            task.cancel()
        return finished

    async def _all_settled(self) -> bool:
        """Wait for the work to be done and settled, within the grace; return whether it is.

        What is done and waits for room for its answer would, given back, be done again.
        """
        self._empty = asyncio.Event()
        self._note_empty()
        try:
            async with asyncio.timeout(self._settings.drain_grace):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def _note_empty(self) -> None:
        if self._empty is not None and not self._watch.metrics.in_flight:
            self._empty.set()

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
            self._note_blocked(health.blocked(self.link.blocked))
            if monotonic() > self._held_until:
                health.held(None)
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

    def _figures(self) -> dict[str, float]:
        """Return what the heartbeats tell of this worker."""
        metrics = self._watch.metrics
        return {
            **metrics.totals(),
            **histogram(metrics.seconds()),
            **histogram(metrics.ages(), AGE),
            "ready": float(self._watch.health.reason is None),
            "paused": float(self.state.paused),
            "maintenance": float(self.state.maintenance),
        }

    def _ear_queue(self, word: str) -> str:
        """Return the name of a queue to hear operators in."""
        # An id may be as long as a name may be, so it is cut: the word is what makes it ours.
        whose = f"{self._settings.agent_id[:LONGEST_WHOSE]}.{word}"
        return Names(self._settings.prefix).control_queue(whose)

    # -- deliveries in, books out --

    def _take(self, delivery: Delivery) -> None:
        self._watch.metrics.received(delivery)
        self._runners.take(delivery, urgent=delivery.queue == self._urgent_queue)

    def settled(self, delivery: Delivery, outcome: Outcome, seconds: float) -> None:
        """Count a settled delivery, and log it where somebody may want to look."""
        self._watch.metrics.settled(delivery, outcome, seconds)
        log_outcome(delivery, outcome)
        if REPLAY_OF in delivery.properties.headers:
            self._tell_of_replay(delivery, outcome)
        self._note_empty()

    def _tell_of_replay(self, delivery: Delivery, outcome: Outcome) -> None:
        """Tell whoever replayed it what became of it."""
        told = word(delivery, outcome, self._origin, datetime.now(UTC))
        if told is not None:
            self.link.publish(told, lambda _fate: None)

    def abandoned(self, delivery: Delivery) -> None:
        """Count a delivery whose session ended before it was settled."""
        self._watch.metrics.abandoned(delivery)
        self._note_empty()

    def undeliverable(self, answer: Answer) -> None:
        """Count an answer nobody could be given."""
        self._watch.metrics.undeliverable(answer)

    def held(self, copy: Publication | Answer, fate: Published, seconds: float) -> None:
        """Tell probes that finished messages stay here, because nobody takes their copies."""
        self._held_until = monotonic() + seconds + CLEARED_AFTER
        self._watch.health.held(
            f"held: exchange {copy.exchange} does not take what we send ({fate.value}); is the "
            "topology applied (leveret topology apply), may we write there, is a queue full?",
        )

    def _link_changed(self, connection: str, there: bool, why: str) -> None:  # noqa: FBT001 - yes or no
        metrics = self._watch.metrics
        metrics.connected(connection, there)
        self._watch.health.line(connection, None if there else f"reconnecting: {why}")
        if connection == "consuming" and not there:
            # What waits belongs to a session that is over: the broker brings it again.
            for delivery in self._runners.give_up_waiting():
                self.abandoned(delivery)


def _tracing(handle: Handle) -> Tracing:
    """Return what makes spans; raises LinkError where OpenTelemetry is not installed."""
    try:
        from workers.tracing import Tracing  # noqa: PLC0415 - nothing is imported where it is off
    except ImportError as error:
        raise LinkError(
            "LEVERET_TRACING is on, and OpenTelemetry is not installed; install it "
            "(pip install 'leveret[tracing]'), or switch LEVERET_TRACING off"
        ) from error
    return Tracing(handle, leveret_version())


def _tune_collector() -> None:
    """Keep the garbage collector from walking what lives as long as the worker.

    Everything made until now stays; with the threshold raised a collection is rare enough that
    it costs less than the validation of one message in a hundred.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
