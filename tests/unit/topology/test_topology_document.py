"""A plan as JSON says what its text says."""

from __future__ import annotations

import json

from topology import Found, GroupSpec, TopologySpec, design, parse_delays, plan
from topology.document import document
from topology.refusal import Untold
from topology.version import BrokerVersion

TOPOLOGY = design(
    TopologySpec(
        prefix="lev.test",
        groups=(GroupSpec(name="g"),),
        retry_delays=parse_delays("1s"),
        broker_version=BrokerVersion(3, 10, 8),
    )
)


def test_an_empty_broker_is_all_creates_and_binds() -> None:
    """Every step is there, and the numbers agree with the steps."""
    told = document(plan(TOPOLOGY, Found()))
    assert {step["step"] for step in told["steps"]} == {"create", "bind"}
    assert told["changes"] == len(told["steps"])
    assert (told["mismatches"], told["nothing_to_do"]) == (0, False)
    assert json.loads(json.dumps(told)) == told


def test_a_mismatch_names_each_argument_and_the_way_out() -> None:
    """Also where the broker did not tell what it has."""
    queue = TOPOLOGY.queues[1]
    found = {**queue.properties(), "x-queue-type": "classic", "x-overflow": Untold.UNTOLD}
    told = document(plan(TOPOLOGY, Found(queues={queue.name: found})))
    (mismatch,) = (step for step in told["steps"] if step["step"] == "mismatch")
    assert mismatch["name"] == queue.name
    assert mismatch["differences"] == [
        {"argument": "x-queue-type", "wanted": "quorum", "found": "classic"},
        {"argument": "x-overflow", "wanted": "reject-publish", "found": "something else"},
    ]
    assert "delete_queue" in mismatch["what_to_do"]


def test_what_is_there_is_kept_and_what_is_surplus_is_unbound() -> None:
    """The other kinds of steps have their fields too."""
    everything = Found(
        exchanges={one.name: one.properties() for one in TOPOLOGY.exchanges},
        queues={one.name: one.properties() for one in TOPOLOGY.queues},
    )
    steps = document(plan(TOPOLOGY, everything))["steps"]
    assert {step["step"] for step in steps} == {"keep", "assure"}
    bound = everything.__class__(
        exchanges=everything.exchanges,
        queues=everything.queues,
        bindings=frozenset({TOPOLOGY.bindings[0], TOPOLOGY.bindings[0].__class__("a", "b", "c")}),
    )
    steps = document(plan(TOPOLOGY, bound))["steps"]
    assert {"step": "unbind", "source": "a", "destination": "b", "routing_key": "c"} in steps
