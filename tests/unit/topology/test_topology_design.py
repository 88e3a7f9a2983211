"""The design: each queue has the arguments that keep the promise, on each major version."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from topology import (
    Binding,
    BrokerVersion,
    GroupSpec,
    NameRefused,
    Queue,
    Topology,
    TopologySpec,
    design,
    parse_delays,
)


def spec(*groups: GroupSpec, version: str = "3.10.8", prefix: str = "t") -> TopologySpec:
    """Return a small specification."""
    return TopologySpec(
        prefix=prefix,
        groups=groups or (GroupSpec(name="g"),),
        retry_delays=parse_delays("1s,10m"),
        broker_version=BrokerVersion.parse(version),
    )


def queue(topology: Topology, name: str) -> dict[str, str | int]:
    """Return the arguments of one queue."""
    return next(one for one in topology.queues if one.name == name).table()


def test_everything_is_there() -> None:
    """The exchanges and queues are the ones of the interface, and no others."""
    made = design(spec())
    assert {f"{one.name}:{one.type}" for one in made.exchanges} == {
        "t.requests:topic",
        "t.replies:topic",
        "t.dead:topic",
        "t.heartbeats:fanout",
        "t.control:fanout",
        "t.retry.1s:fanout",
        "t.retry.10m:fanout",
    }
    assert {one.name for one in made.queues} == {
        "t.work.g",
        "t.work.g.urgent",
        "t.dead.g",
        "t.dead.journal",
        "t.retry.1s",
        "t.retry.10m",
    }


@pytest.mark.parametrize("name", ["t.work.g", "t.work.g.urgent"])
def test_work_queues_lose_nothing(name: str) -> None:
    """Work is on quorum queues that refuse when full and dead-letter at least once, by group."""
    assert queue(design(spec()), name) == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 20,
        "x-dead-letter-exchange": "t.dead",
        "x-dead-letter-routing-key": "g",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length-bytes": 2**30,
    }


def test_a_rung_gives_back_by_the_name_of_the_queue() -> None:
    """A rung has one TTL and gives back through the default exchange with the copy's own key."""
    assert queue(design(spec()), "t.retry.10m") == {
        "x-queue-type": "quorum",
        "x-message-ttl": 600_000,
        "x-dead-letter-exchange": "",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length-bytes": 2**30,
    }


@pytest.mark.parametrize(
    ("version", "limit"), [("3.10.8", None), ("3.13.7", None), ("4.0.5", -1), ("4.3.0", -1)]
)
def test_dead_letters_can_be_looked_at_without_end(version: str, limit: int | None) -> None:
    """No delivery limit on dead letters: left out on RabbitMQ 3, switched off on RabbitMQ 4."""
    arguments = queue(design(spec(version=version)), "t.dead.g")
    assert arguments.get("x-delivery-limit") == limit
    assert arguments["x-overflow"] == "reject-publish"
    assert "x-message-ttl" not in arguments


def test_the_journal_is_a_bounded_stream() -> None:
    """History is bounded in bytes and days, in files small enough for the bound to hold."""
    arguments = queue(design(spec()), "t.dead.journal")
    assert arguments["x-queue-type"] == "stream"
    assert arguments["x-max-age"] == "30D"
    segment, whole = arguments["x-stream-max-segment-size-bytes"], arguments["x-max-length-bytes"]
    assert isinstance(segment, int)
    assert isinstance(whole, int)
    assert segment * 8 <= whole


def test_bindings_lead_each_message_to_its_place() -> None:
    """Work by pattern, dead letters to their group and the journal, copies to their rung."""
    assert set(design(spec()).bindings) == {
        Binding("t.requests", "t.work.g", "*"),
        Binding("t.requests", "t.work.g", "*.*"),
        Binding("t.requests", "t.work.g.urgent", "*.*.urgent"),
        Binding("t.dead", "t.dead.g", "g"),
        Binding("t.dead", "t.dead.journal", "#"),
        Binding("t.retry.1s", "t.retry.1s", ""),
        Binding("t.retry.10m", "t.retry.10m", ""),
    }


def test_each_group_has_its_own_limits_and_bindings() -> None:
    """Two groups of one topology share exchanges and rungs and nothing else."""
    made = design(
        spec(
            GroupSpec(name="slow", bindings=("task_request.train",), work_bytes=2**21),
            GroupSpec(name="fast", dead_bytes=2**22),
        )
    )
    assert queue(made, "t.work.slow")["x-max-length-bytes"] == 2**21
    assert queue(made, "t.work.fast")["x-max-length-bytes"] == 2**30
    assert queue(made, "t.dead.fast")["x-max-length-bytes"] == 2**22
    assert queue(made, "t.work.fast")["x-dead-letter-routing-key"] == "fast"
    assert Binding("t.requests", "t.work.slow.urgent", "task_request.train.urgent") in made.bindings


@pytest.mark.parametrize("version", ["3.10.8", "4.0.5"])
def test_at_least_once_always_comes_with_reject_publish(version: str) -> None:
    """No queue asks for at-least-once in the way that the broker silently ignores."""
    for one in design(spec(version=version)).queues:
        arguments = one.table()
        if "x-dead-letter-exchange" in arguments:
            assert arguments["x-dead-letter-strategy"] == "at-least-once"
            assert arguments["x-overflow"] == "reject-publish"


def test_every_binding_joins_what_is_declared() -> None:
    """Nothing is bound that this topology does not have, and no queue is left unbound."""
    made = design(spec(GroupSpec(name="a"), GroupSpec(name="b")))
    assert {one.source for one in made.bindings} <= {one.name for one in made.exchanges}
    assert {one.destination for one in made.bindings} == {one.name for one in made.queues}


def test_data_can_be_compared_and_kept() -> None:
    """The same specification gives an equal topology, and its parts can be put into sets."""
    assert design(spec()) == design(spec())
    assert len({*design(spec()).queues, *design(spec()).queues}) == len(design(spec()).queues)
    assert Queue.of("q", {"x-a": 1}) == Queue("q", (("x-a", 1),))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: spec(GroupSpec(name="a"), GroupSpec(name="a")), "share a name"),
        (lambda: GroupSpec(name="a", bindings=()), "no bindings"),
        (lambda: GroupSpec(name="journal"), "history"),
        (lambda: GroupSpec(name="a", work_bytes=10), "at least"),
        (lambda: design(spec(GroupSpec(name="a", bindings=("task_*",)))), "matches nothing"),
        (lambda: design(spec(prefix="amq.x")), "belongs to the broker"),
        (
            lambda: TopologySpec(
                prefix="t",
                groups=(),
                retry_delays=parse_delays("1s"),
                broker_version=BrokerVersion(4),
            ),
            "no group",
        ),
        (
            lambda: TopologySpec(
                prefix="t",
                groups=(GroupSpec(name="a"),),
                retry_delays=(),
                broker_version=BrokerVersion(4),
            ),
            "no retry delay",
        ),
        (
            lambda: TopologySpec(
                prefix="t",
                groups=(GroupSpec(name="a"),),
                retry_delays=parse_delays("1s"),
                broker_version=BrokerVersion(4),
                journal_days=0,
            ),
            "at least 1 day",
        ),
    ],
)
def test_unsafe_specifications_are_refused(make: Callable[[], object], reason: str) -> None:
    """What could not keep the promise is refused before a broker is asked."""
    with pytest.raises(NameRefused, match=reason):
        make()
