"""What each check makes of what it sees."""

from __future__ import annotations

import socket
from importlib.metadata import PackageNotFoundError
from typing import Any, cast

import pytest

from topology import BrokerVersion, Found, GroupSpec, Names, TopologySpec, design, parse_delays
from topology import plan as plan_of
from topology.apply import Depth
from workers.doctor import broker, machine
from workers.doctor.broker import Seen
from workers.doctor.finding import State
from workers.doctor.rounds import _heard
from workers.presence.roster import Replica
from workers.presence.watching import Picture, Watching
from workers.settings import Settings
from workers.testing import agent

NAMES = Names()
VERSION = BrokerVersion(3, 10, 8)
TOPOLOGY = design(
    TopologySpec(
        prefix="leveret",
        groups=(GroupSpec(name="default"),),
        retry_delays=parse_delays("1s"),
        broker_version=VERSION,
    )
)
ALL = Found(
    exchanges={one.name: one.properties() for one in TOPOLOGY.exchanges},
    queues={one.name: one.properties() for one in TOPOLOGY.queues},
)


def test_an_old_python_is_wrong() -> None:
    """And says which is needed."""
    assert machine.python((3, 12, 1)).state is State.OK
    found = machine.python((3, 9, 2))
    assert (found.state, found.told) == (State.WRONG, "Python 3.9.2")
    assert "3.11" in found.advice


def test_processors_are_those_of_the_modules_that_are_named() -> None:
    """As `leveret run` would take them; without any, those of the settings."""
    found, registry = machine.processors(Settings(processors=("nothing_there",)), ["examples"])
    assert (found.state, registry is not None) == (State.OK, True)
    found, registry = machine.processors(Settings(processors=("nothing_there",)))
    assert (found.state, registry) == (State.WRONG, None)
    assert "LEVERET_PROCESSORS" in found.advice
    found, _ = machine.processors(Settings(), ["nothing_there"])
    assert "leveret doctor package.module:registry" in found.advice
    assert "LEVERET_PROCESSORS" not in f"{found.told}{found.advice}"


def test_missing_and_old_packages_are_named() -> None:
    """By their names and what is needed; extras are left out."""

    def installed(name: str) -> str:
        if name == "orjson":
            raise PackageNotFoundError(name)
        return "9.4.3"

    needed = ["aio-pika>=10.2", "orjson>=3.10", "rich>=9.4", "psycopg>=3; extra == 'postgresql'"]
    found = machine.packages(needed, installed)
    assert found.state is State.WRONG
    assert found.told == "aio-pika 9.4.3 is older than 10.2; orjson is not installed"
    assert machine.packages(["rich>=9.4"], installed).state is State.OK
    assert machine.packages().state is State.OK


def test_processors_that_cannot_be_had_are_wrong() -> None:
    """The package is not installed, or offers something else."""
    found, registry = machine.processors(Settings())
    assert (found.state, registry is None) == (State.OK, False)
    found, registry = machine.processors(Settings(processors="nope"))
    assert (found.state, registry) == (State.WRONG, None)
    found, _ = machine.processors(Settings(processors=""))
    assert found.state is State.NOTE


def test_a_taken_port_is_told() -> None:
    """It may be a worker's own."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert machine.http_port(Settings(http_port=port)).state is State.NOTE
    assert machine.http_port(Settings(http_port=0)).state is State.OK


@pytest.mark.parametrize(
    ("found", "state", "said"),
    [
        (ALL, State.OK, "as they should be"),
        (Found(), State.WRONG, "missing"),
        (Found(exchanges=ALL.exchanges, queues=dict.fromkeys(ALL.queues)), State.NOTE, "compared"),
    ],
)
def test_the_topology_is_judged_by_its_plan(found: Found, state: State, said: str) -> None:
    """Nothing to do, something missing, or nothing to be seen."""
    told = broker.topology(Seen(VERSION, plan_of(TOPOLOGY, found)))
    assert told.state is state
    assert said in told.told


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("x-dead-letter-exchange", None, "messages could be lost"),
        ("x-max-length-bytes", 5_000_000, "not as configured"),
    ],
)
def test_a_difference_that_loses_messages_is_told_from_one_of_size(
    argument: str, value: Any, said: str
) -> None:
    """Both are wrong, and a person must know which it is."""
    queue = NAMES.work("default")
    other = {**ALL.queues, queue: {**(ALL.queues[queue] or {}), argument: value}}
    made = plan_of(TOPOLOGY, Found(exchanges=ALL.exchanges, queues=other))
    told = broker.topology(Seen(VERSION, made))
    assert told.state is State.WRONG
    assert said in told.told
    assert queue in told.told


def test_a_version_that_cannot_carry_it_is_wrong() -> None:
    """Whatever else is."""
    old = Seen(BrokerVersion(3, 8), None)
    assert broker.topology(old).state is State.WRONG
    states = [one.state for one in broker.version(Settings(amqp_url="amqp://localhost"), old)]
    assert State.WRONG in states


def test_missing_rights_are_wrong() -> None:
    """With the broker's own words."""
    assert broker.rights(Settings(), Seen(VERSION, None)).state is State.OK
    found = broker.rights(Settings(), Seen(VERSION, None, ("ACCESS_REFUSED - …",)))
    assert found.state is State.WRONG
    assert "ACCESS_REFUSED" in found.told


def picture(**more: Any) -> Picture:
    """Return a picture of nothing, with some of it changed."""
    empty: dict[str, Any] = {
        "replicas": (),
        "queues": {},
        "dead_letters": 0,
        "totals": {},
        "rates": {},
        "p50": None,
        "p99": None,
        "letters": (),
    }
    return Picture(**empty | more)


def test_a_group_that_nobody_serves_is_told() -> None:
    """With the command to run; one that is served is well."""
    queue = NAMES.work("default")
    for depth, state in ((Depth(7, 0), State.NOTE), (Depth(7, 2), State.OK)):
        (found,) = broker.consumers(Settings(), picture(queues={queue: depth}))
        assert found.state is state
        assert "7" in found.told
    assert not list(broker.consumers(Settings(), picture(queues=None)))


def replica(name: str = "one", version: str = "1", **figures: float) -> Replica:
    """Return a replica as its heartbeat tells it."""
    who = agent(name).model_copy(update={"version": version})
    return Replica(type(who)(**who.model_dump()), 0.0, figures)


def of_group(group: str, **figures: float) -> Replica:
    """Return a replica of a group."""
    one = replica(**figures)
    told = {**one.agent.model_dump(), "group": group}
    return one._replace(agent=type(one.agent)(**told))


def test_a_replica_of_a_group_that_is_not_configured_is_told() -> None:
    """A mistyped name takes copies of everything; one that is configured is not told of."""
    (found,) = broker.unknown_groups(Settings(), (of_group("default"), of_group("defualt")))
    assert (found.state, "defualt" in found.told) == (State.NOTE, True)
    assert not list(broker.unknown_groups(Settings(), (of_group("default"), replica())))


def test_a_group_whose_workers_are_paused_is_to_be_resumed() -> None:
    """One more worker would help, and is not what is missing."""
    theirs = of_group("default", paused=1.0)
    queues = {NAMES.work("default"): Depth(7, 0)}
    (found,) = broker.consumers(Settings(), picture(queues=queues, replicas=(theirs,)))
    assert "leveret ctl resume" in found.advice


async def test_a_replica_without_a_consumer_is_waited_for() -> None:
    """It is paused, and speaks when its turn has come."""

    class Heard:
        """A watching to which a paused replica speaks at the third look."""

        looks = 0

        async def look(self) -> Picture:
            self.looks += 1
            return picture(replicas=(replica(paused=1.0),) if self.looks >= 3 else ())

    settings = Settings.model_construct(heartbeat_interval=0.1)
    told = await _heard(cast("Watching", Heard()), settings)
    assert [one.state for one in told.replicas] == ["paused"]


def test_replicas_that_do_not_serve_are_named() -> None:
    """Paused, not ready, of several versions, or none at all."""
    one = broker.replicas((replica(),))
    assert (one.state, one.told) == (State.OK, "1 replica is serving")
    assert broker.replicas((replica(), replica("two"))).told == "2 replicas are serving"
    assert "one (paused)" in broker.replicas((replica(paused=1.0),)).told
    assert "one (not ready)" in broker.replicas((replica(ready=0.0),)).told
    assert "1, 2" in broker.replicas((replica(), replica("two", "2"))).told
    assert broker.replicas(()).state is State.NOTE


def test_open_dead_letters_are_told_with_what_to_do() -> None:
    """They wait for a person."""
    assert broker.dead_letters(picture()).state is State.OK
    assert "dlq groups" in broker.dead_letters(picture(dead_letters=3)).advice
    assert broker.dead_letters(picture(dead_letters=None, trouble="gone")).state is State.NOTE
