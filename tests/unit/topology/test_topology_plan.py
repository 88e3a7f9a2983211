"""The plan: what is missing is created, what is there stays, what differs is explained."""

from __future__ import annotations

from topology import (
    Binding,
    BrokerVersion,
    Found,
    GroupSpec,
    Topology,
    TopologySpec,
    design,
    explain,
    parse_delays,
    plan,
    summary,
    unknown_queues,
    with_bindings,
)
from topology.explain import explain_step, one_line
from topology.plan import (
    Assure,
    Bind,
    Create,
    Difference,
    Keep,
    Mismatch,
    Properties,
    Unbind,
)
from topology.refusal import Untold
from topology.shape import Kind


def wanted(version: str = "3.10.8") -> Topology:
    """Return a topology of one group and one rung."""
    return design(
        TopologySpec(
            prefix="t",
            groups=(GroupSpec(name="g"),),
            retry_delays=parse_delays("1s"),
            broker_version=BrokerVersion.parse(version),
        )
    )


def all_there(topology: Topology, bindings: frozenset[Binding] | None = None) -> Found:
    """Return a broker that has all of it."""
    return Found(
        exchanges={one.name: one.properties() for one in topology.exchanges},
        queues={one.name: one.properties() for one in topology.queues},
        bindings=bindings,
    )


def with_queue(found: Found, name: str, properties: Properties) -> Found:
    """Return the same broker with another queue under that name."""
    return Found(exchanges=found.exchanges, queues={**found.queues, name: properties})


def test_an_empty_broker_gets_everything() -> None:
    """On an empty broker every exchange, queue and binding is made, queues before bindings."""
    topology = wanted()
    steps = plan(topology, Found()).steps
    assert steps == (
        *(Create(one) for one in topology.declarations),
        *(Bind(one) for one in topology.bindings),
    )


def test_a_complete_broker_needs_nothing() -> None:
    """Where all is there nothing changes, and bindings that nobody can see are assured."""
    topology = wanted()
    made = plan(topology, all_there(topology))
    assert made.nothing_to_do
    assert {type(step) for step in made.steps} == {Keep, Assure}
    assert summary(made) == "nothing to do: the broker has all of it"


def test_bindings_that_are_listed_are_compared_exactly() -> None:
    """With a listing, missing bindings are made, ours that are too many go, the rest is silent."""
    topology = wanted()
    stale = Binding("t.requests", "t.work.g", "#")
    here = frozenset({*topology.bindings, stale}) - {topology.bindings[0]}
    made = plan(topology, all_there(topology, here))
    assert made.changes == (Bind(topology.bindings[0]), Unbind(stale))
    assert not any(isinstance(step, Assure) for step in made.steps)


def test_queues_that_get_requests_and_have_no_group_are_named() -> None:
    """Left over from a mistyped name, perhaps; a queue of somebody else's is theirs."""
    topology = wanted()
    ours = topology.bindings[0]
    rows = [
        row(ours.source, ours.destination, ours.key),
        row("t.requests", "t.work.typo", "*"),
        row("t.requests", "t.work.typo", "*.*"),
        row("t.requests", "audit", "#"),
    ]
    known = {queue.name for queue in topology.queues}
    rows += [row("t.requests", name, "#") for name in known if name.startswith("t.work.")]
    assert unknown_queues(topology, rows) == ("t.work.typo",)


def test_only_our_own_bindings_are_listed() -> None:
    """A binding to somebody's own queue, or from another exchange, is none of our business."""
    topology = wanted()
    ours = topology.bindings[0]
    rows = [
        row(ours.source, ours.destination, ours.key),
        row("t.dead", "archive", "#"),
        row("", "t.work.g", "t.work.g"),
        row("t.requests", "t.replies", "#", kind="exchange"),
    ]
    assert with_bindings(Found(), topology, rows).bindings == frozenset({ours})


def row(source: str, destination: str, key: str, *, kind: str = "queue") -> dict[str, object]:
    """Return a binding as the management API lists it."""
    return {
        "source": source,
        "destination": destination,
        "destination_type": kind,
        "routing_key": key,
        "vhost": "/",
        "properties_key": key,
        "arguments": {},
    }


def test_a_mismatch_is_told_argument_by_argument() -> None:
    """Each differing, missing and extra argument is named with both values, and what to do."""
    topology = wanted()
    there = dict(topology.queues[1].properties())
    del there["x-delivery-limit"]
    there |= {"x-max-length-bytes": 1000, "x-expires": 5, "durable": False}
    made = plan(topology, with_queue(all_there(topology), "t.work.g", there))
    assert made.mismatches == (
        Mismatch(
            Kind.QUEUE,
            "t.work.g",
            (
                Difference("durable", wanted=True, found=False),
                Difference("x-max-length-bytes", wanted=2**30, found=1000),
                Difference("x-delivery-limit", wanted=20, found=None),
                Difference("x-expires", wanted=None, found=5),
            ),
        ),
    )
    told = explain(made)
    assert "durable: we want true, the broker has false" in told
    assert "x-max-length-bytes: we want 1073741824, the broker has 1000" in told
    assert "x-delivery-limit: we want 20, the broker has none" in told
    assert "x-expires: we want none, the broker has 5" in told
    assert "see that it is empty" in told
    assert "rabbitmqctl -p VHOST delete_queue t.work.g, which also deletes what is in it" in told
    assert told.endswith("1 mismatch to decide first; nothing will be changed")


def test_a_size_can_be_adopted() -> None:
    """Where only our limits differ, setting them to the broker's is offered too."""
    topology = wanted()
    there = {**topology.queues[1].properties(), "x-max-length-bytes": 1000}
    (mismatch,) = plan(topology, with_queue(all_there(topology), "t.work.g", there)).mismatches
    assert "set our limit to what the broker has" in explain_step(mismatch)


def test_one_line_tells_all_mismatches() -> None:
    """The error of a refused apply is a single line with every difference and its cure."""
    told = one_line(
        [
            Mismatch(
                Kind.EXCHANGE, "t.dead", (Difference("type", wanted="topic", found="fanout"),)
            ),
            Mismatch(
                Kind.QUEUE,
                "t.retry.1s",
                (Difference("x-dead-letter-exchange", wanted="", found=Untold.UNTOLD),),
            ),
        ]
    )
    assert "\n" not in told
    assert "type: we want topic, the broker has fanout" in told
    assert "rabbitmqadmin delete exchange name=t.dead" in told
    assert "x-dead-letter-exchange: we want '' (empty), the broker has something else" in told


def test_an_exclusive_queue_is_told_as_one() -> None:
    """A queue that belongs to another connection is explained by that, not by deleting it."""
    topology = wanted()
    there = {**topology.queues[1].properties(), "exclusive": True}
    (mismatch,) = plan(topology, with_queue(all_there(topology), "t.work.g", there)).mismatches
    assert "close that client" in explain_step(mismatch)


def test_what_may_not_be_compared_is_kept_and_said() -> None:
    """Without the right to configure, what exists stays and the plan says it is unseen."""
    topology = wanted()
    made = plan(topology, with_queue(all_there(topology), "t.work.g", None))
    assert made.nothing_to_do
    assert "keep     queue t.work.g (not compared" in explain(made)


def test_letters_from_rabbitmq_3_are_kept_with_a_policy() -> None:
    """After an upgrade to RabbitMQ 4 a dead-letter queue stays, and the missing policy is told."""
    topology = wanted("4.0.5")
    there = dict(next(q for q in topology.queues if q.name == "t.dead.g").properties())
    del there["x-delivery-limit"]
    made = plan(topology, with_queue(all_there(topology), "t.dead.g", there))
    assert made.nothing_to_do
    assert "rabbitmqctl set_policy --apply-to queues t.dead.g '^t[.]dead[.]g$'" in explain(made)
    assert """'{"delivery-limit": -1}'""" in explain(made)


def test_every_step_reads_as_one_line() -> None:
    """Creating, binding and removing are each told in one line that names the thing."""
    topology = wanted()
    stale = Binding("t.requests", "t.work.g", "")
    lines = [explain_step(step) for step in (*plan(topology, Found()).steps, Unbind(stale))]
    assert "create   exchange t.requests (topic, durable)" in lines
    assert "bind     t.requests -> t.work.g.urgent by *.*.urgent" in lines
    assert "unbind   t.requests -> t.work.g by '' (empty)" in lines
    assert explain_step(Assure(stale)).startswith("assure ")
    assert any(
        line.startswith("create   queue t.retry.1s (x-queue-type=quorum,")
        and "x-dead-letter-exchange='' (empty)" in line
        for line in lines
    )
    assert not any("\n" in line for line in lines)
    assert summary(plan(topology, Found())) == f"{len(lines) - 1} changes to make"
