"""How the parts of a worker are put together: each knows only those it needs.

link → take → runners → pipeline → settle → link
└─→ books → metrics, probes, log, journal
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from topology import Names
from workers.bookkeeping import Bookkeeper
from workers.control.control import Control, Post, Replica
from workers.crashes.notes import open_notes
from workers.crashes.standstill import Standstill
from workers.crashes.suspects import CrashGuard
from workers.link.ear import Ear
from workers.link.link import Link
from workers.link.plan import LinkPlan
from workers.link.supervisor import LinkError
from workers.pipeline import Pipeline
from workers.policy import policy_of
from workers.presence.heartbeat import Presence, describe
from workers.runners import Runners
from workers.settle import Settler
from workers.settling.copies import Origin
from workers.version import leveret_version

if TYPE_CHECKING:
    from workers.bookkeeping import Watch
    from workers.control.state import ControlState
    from workers.outcome import Delivery
    from workers.registry import Registry
    from workers.runners import Handle
    from workers.settings import Settings
    from workers.tracing import Tracing

#: Share of the prefetch that is kept free for urgent messages.
URGENT_SHARE: Final = 10
#: Characters of an agent id in the name of its control queue.
LONGEST_WHOSE: Final = 100


class Owner(Replica, Protocol):
    """Whom the parts call back: the service."""

    state: ControlState

    def take(self, delivery: Delivery) -> None:
        """Take a delivery from the link."""

    def line_changed(self, connection: str, there: bool, why: str) -> None:  # noqa: FBT001 - yes or no
        """Hear that a line to the broker came or went."""

    def figures(self) -> dict[str, float]:
        """Return what heartbeats tell of this worker."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a service is made of."""

    link: Link
    pipeline: Pipeline
    runners: Runners
    books: Bookkeeper
    presence: Presence
    guard: CrashGuard


def assemble(settings: Settings, registry: Registry, watch: Watch, owner: Owner) -> Parts:
    """Return the parts, joined and at rest; raises LinkError when a setting makes it pointless."""
    plan = link_plan(settings)
    link = Link(plan, owner.take)
    link.watch(owner.line_changed)
    link.outbox.observe = watch.metrics.published
    names, operators = Names(settings.prefix), settings.replaying_users
    origin = Origin(names, settings.group, settings.agent_id, plan.user, operators)
    books = Bookkeeper(watch, origin, link.publish)
    # A turn may be a second late for others' sake; one without a heartbeat is not.
    standstill = Standstill(settings.amqp_heartbeat + 1.0)
    guard = CrashGuard(open_notes(settings.state_dir), standstill)
    source = describe(settings, registry, load_factor=0.0)
    policy = policy_of(
        settings, source, user=plan.user, maintenance=lambda: owner.state.maintenance
    )
    pipeline = Pipeline(registry, policy, guard=guard)
    pipeline.attempts.is_current = link.is_current
    tracing = load_tracing(pipeline.handle) if settings.tracing else None
    prefetch = settings.prefetch_of(settings.group)
    broker = link if tracing is None else tracing.broker(link)
    settle = Settler(broker, origin, books, now=lambda: datetime.now(UTC), prefetch=prefetch).settle
    runners = Runners(
        pipeline.handle if tracing is None else tracing.handle,
        settle if tracing is None else tracing.around(settle),
        most=prefetch,
        resting=link.outbox.flush,
    )
    watch.metrics.trace_of = None if tracing is None else tracing.trace_of
    guard.solitude.settling = lambda: link.intake.in_hand - runners.here
    _show(watch, pipeline, runners)
    _hear_operators(settings, plan.user, link, owner)
    presence = Presence(settings, registry, link, lambda: runners.busy, owner.figures)
    return Parts(link, pipeline, runners, books, presence, guard)


def link_plan(settings: Settings) -> LinkPlan:
    """Return what a worker consumes and how; raises LinkError where no broker is configured."""
    if settings.amqp_url is None:
        raise LinkError(
            "no broker is configured; set LEVERET_AMQP_URL=amqp://user:password@host/vhost"
        )
    names, group = Names(settings.prefix), settings.group
    prefetch = settings.prefetch_of(group)
    # Each queue needs one at least, so that a prefetch of 1 holds two: one in work, and an
    # urgent one behind it, which is next.
    urgent = max(1, prefetch // URGENT_SHARE)
    return LinkPlan(
        amqp_url=settings.amqp_url.get_secret_value(),
        queues={names.urgent(group): urgent, names.work(group): max(1, prefetch - urgent)},
        careful=True,
        name=f"leveret worker {settings.agent_id}",
        heartbeat=int(settings.amqp_heartbeat),
        connect_timeout=settings.connect_timeout,
    )


def load_tracing(handle: Handle) -> Tracing:
    """Return what makes spans; raises LinkError where OpenTelemetry is not installed."""
    try:
        from workers.tracing import Tracing  # noqa: PLC0415 - nothing is imported where it is off
    except ImportError as error:
        raise LinkError(
            "LEVERET_TRACING is on, and OpenTelemetry is not installed; install it "
            "(pip install 'leveret[tracing]'), or switch LEVERET_TRACING off"
        ) from error
    return Tracing(handle, leveret_version())


def _show(watch: Watch, pipeline: Pipeline, runners: Runners) -> None:
    """Tell the metrics whom to ask at a scrape."""
    brakes = pipeline.attempts.brakes
    watch.metrics.dropping = lambda: pipeline.dropped_fields
    watch.metrics.braking = lambda: [route.name for route in brakes.engaged]
    watch.metrics.oldest = runners.oldest
    watch.metrics.hindrances = watch.health.hindrances


def _hear_operators(settings: Settings, user: str, link: Link, owner: Owner) -> None:
    """Listen to what operators ask of this replica, in a queue of its own."""
    names = Names(settings.prefix)
    # An id may be as long as a name may be, so it is cut: the word is what makes it ours.
    whose = settings.agent_id[:LONGEST_WHOSE]
    post = Post(replica=settings.agent_id, users=settings.controlling_users(user), names=names)
    control = Control(owner, owner.state, post, link.publish)
    link.hear(
        Ear(names.control, lambda word: names.control_queue(f"{whose}.{word}"), control.heard)
    )
