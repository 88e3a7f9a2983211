"""The topology that keeps the promise, as data, from one prefix and the groups' configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from topology.delay import checked_ladder
from topology.errors import NameRefused
from topology.names import Names, checked_group
from topology.routes import routes
from topology.shape import Binding, Exchange, ExchangeType, Queue, Topology

if TYPE_CHECKING:
    from topology.delay import Delay
    from topology.version import BrokerVersion

#: Patterns of a group that takes every message type, with and without a task type.
EVERYTHING: Final = ("*", "*.*")
#: Deliveries before the broker dead-letters: the backstop behind our own count of attempts; the
#: default of RabbitMQ 4, said here because RabbitMQ 3 has none.
DELIVERY_LIMIT: Final = 20
#: Bytes in one queue before publishers get a nack: 1 GiB, room for 1.7 million tasks of 600 bytes.
QUEUE_BYTES: Final = 2**30
#: Bytes of history before its oldest part goes: 1 GiB.
JOURNAL_BYTES: Final = 2**30
#: Days before history may go: a month of looking back.
JOURNAL_DAYS: Final = 30
#: Bytes in one file of the journal, 64 MiB: a stream forgets whole files only, and with the
#: broker's 500 MB a limit of 1 GiB would be kept very roughly.
JOURNAL_SEGMENT_BYTES: Final = 2**26
#: Bytes: a queue that cannot hold one message of the default size limit is a mistake.
LEAST_BYTES: Final = 2**20
#: Switches the delivery limit of RabbitMQ 4 off. On 3.10 it makes messages vanish at the first
#: requeue, so there the argument is left out, which means the same.
NO_DELIVERY_LIMIT: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSpec:
    """One group of workers: its name, the topic patterns it takes, and bytes its queues may hold.

    Publishers get a nack where a queue is full; nothing is dropped.
    """

    name: str
    bindings: tuple[str, ...] = EVERYTHING
    work_bytes: int = QUEUE_BYTES
    urgent_bytes: int = QUEUE_BYTES
    dead_bytes: int = QUEUE_BYTES

    def __post_init__(self) -> None:
        checked_group(self.name)
        if not self.bindings:
            raise NameRefused(
                f"the group {self.name!r} has no bindings and would get nothing: "
                "give it some, such as * and *.*"
            )
        for size in (self.work_bytes, self.urgent_bytes, self.dead_bytes):
            _checked_bytes(size, f"group {self.name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologySpec:
    """What the topology is made from.

    `broker_version` has no default: the same argument means the opposite on another major version.
    Raises `NameRefused` for groups of the same name and for what a group or a ladder refuses.
    """

    prefix: str
    groups: tuple[GroupSpec, ...]
    retry_delays: tuple[Delay, ...]
    broker_version: BrokerVersion
    #: Bytes that may wait on each rung.
    retry_bytes: int = QUEUE_BYTES
    journal_bytes: int = JOURNAL_BYTES
    journal_days: int = JOURNAL_DAYS

    def __post_init__(self) -> None:
        checked_ladder(self.retry_delays)
        names = [group.name for group in self.groups]
        if not names:
            raise NameRefused("there is no group, so nobody would take work: configure one")
        if len(set(names)) < len(names):
            raise NameRefused(f"two groups share a name among {', '.join(names)}: rename one")
        _checked_bytes(self.retry_bytes, "retry rungs")
        _checked_bytes(self.journal_bytes, "journal")
        if self.journal_days < 1:
            raise NameRefused("the journal must keep at least 1 day: raise its number of days")


def design(spec: TopologySpec) -> Topology:
    """Return everything that must be at the broker, so that no message can be lost or doubled."""
    names = Names(spec.prefix)
    groups = [_group(names, group, spec.broker_version) for group in spec.groups]
    return Topology(
        names=names,
        exchanges=(
            Exchange(names.requests, ExchangeType.TOPIC),
            Exchange(names.replies, ExchangeType.TOPIC),
            Exchange(names.dead, ExchangeType.TOPIC),
            Exchange(names.heartbeats, ExchangeType.FANOUT),
            Exchange(names.control, ExchangeType.FANOUT),
            *(Exchange(names.retry(delay), ExchangeType.FANOUT) for delay in spec.retry_delays),
        ),
        queues=(
            _journal(names, spec),
            *(queue for queues, _ in groups for queue in queues),
            *(_rung(names, delay, spec.retry_bytes) for delay in spec.retry_delays),
        ),
        bindings=(
            Binding(names.dead, names.journal, "#"),
            *(binding for _, bindings in groups for binding in bindings),
            *(
                # A fanout ignores the key; the copy's own key is the queue it goes back to.
                Binding(names.retry(delay), names.retry(delay), "")
                for delay in spec.retry_delays
            ),
        ),
    )


def _group(
    names: Names, group: GroupSpec, version: BrokerVersion
) -> tuple[tuple[Queue, ...], tuple[Binding, ...]]:
    work, urgent, dead = (
        names.work(group.name),
        names.urgent(group.name),
        names.dead_queue(group.name),
    )
    lead = routes(group.bindings)
    backstop: dict[str, str | int] = {
        "x-delivery-limit": DELIVERY_LIMIT,
        **_dead_lettering(names.dead),
        "x-dead-letter-routing-key": names.dead_key(group.name),
    }
    queues = (
        Queue.of(work, {**_quorum(group.work_bytes), **backstop}),
        Queue.of(urgent, {**_quorum(group.urgent_bytes), **backstop}),
        Queue.of(dead, {**_quorum(group.dead_bytes), **_never_spent(version)}),
    )
    bindings = (
        *(Binding(names.requests, work, pattern) for pattern in lead.ordinary),
        *(Binding(names.requests, urgent, pattern) for pattern in lead.urgent),
        Binding(names.dead, dead, names.dead_key(group.name)),
    )
    return queues, bindings


def _rung(names: Names, delay: Delay, most_bytes: int) -> Queue:
    """Return the queue in which copies wait; the default exchange takes them back afterwards.

    One TTL for the whole queue, as one for each message would expire head-first. No routing key of
    its own: the copy keeps the one the worker gave it, which is the name of a work queue.
    """
    return Queue.of(
        names.retry(delay),
        {
            **_quorum(most_bytes),
            "x-message-ttl": delay.milliseconds,
            **_dead_lettering(""),
        },
    )


def _journal(names: Names, spec: TopologySpec) -> Queue:
    return Queue.of(
        names.journal,
        {
            "x-queue-type": "stream",
            "x-max-length-bytes": spec.journal_bytes,
            "x-max-age": f"{spec.journal_days}D",
            "x-stream-max-segment-size-bytes": JOURNAL_SEGMENT_BYTES,
        },
    )


def _quorum(most_bytes: int) -> dict[str, str | int]:
    """Return the arguments of a queue that refuses, rather than drops, what it has no room for."""
    return {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",
        "x-max-length-bytes": most_bytes,
    }


def _dead_lettering(exchange: str) -> dict[str, str | int]:
    """Return the arguments for dead letters that wait until their new queue has confirmed them.

    At-least-once holds only together with reject-publish; else the broker silently drops back.
    """
    return {"x-dead-letter-exchange": exchange, "x-dead-letter-strategy": "at-least-once"}


def _never_spent(version: BrokerVersion) -> dict[str, str | int]:
    """Return the arguments that let a dead letter be looked at and given back without end."""
    return {"x-delivery-limit": NO_DELIVERY_LIMIT} if version >= (4,) else {}


def _checked_bytes(size: int, whose: str) -> None:
    if size < LEAST_BYTES:
        raise NameRefused(
            f"{size} bytes for the {whose} cannot hold one large message: "
            f"allow at least {LEAST_BYTES}"
        )
