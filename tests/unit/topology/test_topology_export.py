"""The export: definitions that a broker imports, and users who may do only what they need."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest

from topology import (
    Account,
    BrokerVersion,
    Delay,
    GroupSpec,
    NameRefused,
    Names,
    Permissions,
    Role,
    Topology,
    TopologySpec,
    definitions,
    design,
    parse_delays,
    password_hash,
    permissions,
    topic_permissions,
)

NAMES = Names("lev.test")
SECRET_HASH = password_hash("secret", b"salt")


def topology() -> Topology:
    """Return a topology of one group and one rung."""
    return design(
        TopologySpec(
            prefix=NAMES.prefix,
            groups=(GroupSpec(name="g"),),
            retry_delays=parse_delays("1s"),
            broker_version=BrokerVersion(3, 10),
        )
    )


def test_all_of_the_topology_is_exported_for_one_vhost() -> None:
    """Everything of the topology is in the file, under the given virtual host, as plain JSON."""
    made = topology()
    told = json.loads(json.dumps(definitions(made, vhost="v")))
    assert {one["name"] for one in told["exchanges"]} == {one.name for one in made.exchanges}
    assert {one["name"]: one["arguments"] for one in told["queues"]} == {
        one.name: one.table() for one in made.queues
    }
    assert {(b["source"], b["destination"], b["routing_key"]) for b in told["bindings"]} == {
        (one.source, one.destination, one.key) for one in made.bindings
    }
    placed = (*told["exchanges"], *told["queues"], *told["bindings"])
    assert {one["vhost"] for one in placed} == {"v"}
    assert all(one["durable"] for one in (*told["exchanges"], *told["queues"]))
    assert told["vhosts"] == [{"name": "v"}]


def test_only_given_accounts_become_users() -> None:
    """A user is exported with its hash and permissions; without accounts no user is touched."""
    assert definitions(topology())["users"] == []
    told = definitions(
        topology(),
        vhost="v",
        accounts=[Account(Role.WORKER, SECRET_HASH), Account(Role.MONITORING, SECRET_HASH, "eyes")],
    )
    assert [(user["name"], user["tags"]) for user in told["users"]] == [
        ("lev.test.worker", []),
        ("eyes", ["monitoring"]),
    ]
    assert {user["password_hash"] for user in told["users"]} == {SECRET_HASH}
    assert [(may["user"], may["vhost"]) for may in told["permissions"]] == [
        ("lev.test.worker", "v"),
        ("eyes", "v"),
    ]


def test_two_accounts_of_one_name_are_refused() -> None:
    """The second would silently replace the first."""
    with pytest.raises(NameRefused, match="two accounts"):
        definitions(topology(), accounts=[Account(Role.WORKER, SECRET_HASH)] * 2)


def test_a_hash_is_what_the_broker_computes() -> None:
    """The hash is base64 of the salt followed by SHA-256 over salt and password."""
    raw = base64.b64decode(password_hash("pass wörd", b"\x90\x8d\xc6\x0a"))
    assert raw[:4] == b"\x90\x8d\xc6\x0a"
    assert raw[4:] == hashlib.sha256(b"\x90\x8d\xc6\x0a" + "pass wörd".encode()).digest()


@pytest.mark.parametrize(
    ("password", "salt"), [("", b"salt"), ("secret", b""), ("secret", b"x" * 5)]
)
def test_a_hash_needs_a_password_and_its_salt(password: str, salt: bytes) -> None:
    """An empty password lets nobody in, and another length of salt is another format."""
    with pytest.raises(NameRefused, match="needed for its hash"):
        password_hash(password, salt)


WORK, URGENT, DEAD = NAMES.work("g"), NAMES.urgent("g"), NAMES.dead_queue("g")
RUNG, MINE, MAILBOX = (
    NAMES.retry(Delay.parse("1s")),
    NAMES.control_queue("replica-1"),
    NAMES.mailbox("lev.test.publisher", "inbox"),
)
ALL = frozenset(
    {
        *(one.name for one in topology().declarations),
        MINE,
        NAMES.heartbeat_queue("console"),
        MAILBOX,
        NAMES.mailbox("agent-1", "inbox"),
        "amq.default",
        "amq.topic",
        "levXtest.requests",
        "other",
    }
)


def may(role: Role, what: str) -> set[str]:
    """Return the names that a role may configure, write or read."""
    told: Permissions = permissions(role, NAMES)
    pattern = re.compile(getattr(told, what))
    return {name for name in ALL if pattern.search(name)}


def test_a_worker_may_do_what_it_needs_and_no_more() -> None:
    """A worker takes work, answers, retries and dead-letters; it reads no dead letter."""
    assert may(Role.WORKER, "configure") == {MINE}
    assert may(Role.WORKER, "read") == {WORK, URGENT, NAMES.control, MINE}
    assert may(Role.WORKER, "write") == {
        NAMES.dead,
        NAMES.replies,
        NAMES.heartbeats,
        RUNG,
        "amq.default",
        MINE,
    }


def test_a_publisher_cannot_forge_what_only_workers_write() -> None:
    """A publisher sends requests and reads its mailbox, and reaches no rung or dead letter."""
    assert may(Role.PUBLISHER, "configure") == {MAILBOX}
    assert may(Role.PUBLISHER, "write") == {NAMES.requests, MAILBOX}
    assert may(Role.PUBLISHER, "read") == {NAMES.replies, MAILBOX}


@pytest.mark.parametrize("key", ["agent.a.b.answers-1f", "agent.a.b.Box_2"])
def test_a_publisher_hears_at_its_own_addresses(key: str) -> None:
    """Whatever its mailboxes are called."""
    (held,) = topic_permissions(Role.PUBLISHER, NAMES, "a.b")
    assert held.exchange == NAMES.replies
    assert re.search(held.read, key)
    assert not re.search(held.write, key)


@pytest.mark.parametrize(
    "key",
    [
        "agent.bob.box",
        "agent.a.box",
        "agent.a-b.box",
        "agent.a.b.c.box",
        "agent.a.b.#",
        "agent.a.b.*",
        "agent.*.box",
        "#",
        "",
        "x.agent.a.b.box",
    ],
)
def test_a_publisher_hears_at_nobody_elses_address(key: str) -> None:
    """Nor by a wildcard, nor at an agent's whose name begins alike or differs by a dot."""
    (held,) = topic_permissions(Role.PUBLISHER, NAMES, "a.b")
    assert not re.search(held.read, key)
    theirs = re.compile(permissions(Role.PUBLISHER, NAMES, "a.b").configure)
    assert not theirs.search(f"{NAMES.replies}.{key.removeprefix('agent.')}")


def test_publishers_are_exported_with_what_each_may_hear() -> None:
    """Each with a user of its own, called like its agent; one that no agent can be is refused."""
    accounts = [Account(Role.PUBLISHER, SECRET_HASH, name) for name in ("alice", "bob")]
    told = definitions(topology(), vhost="v", accounts=[*accounts, Account(Role.WORKER, "x")])
    assert [(one["user"], one["read"], one["vhost"]) for one in told["topic_permissions"]] == [
        ("alice", r"^agent\.alice\.[A-Za-z0-9_-]+$", "v"),
        ("bob", r"^agent\.bob\.[A-Za-z0-9_-]+$", "v"),
    ]
    with pytest.raises(NameRefused, match="cannot be called 'al ice'"):
        definitions(topology(), accounts=[Account(Role.PUBLISHER, SECRET_HASH, "al ice")])


def test_an_operator_reads_dead_letters_but_takes_no_work() -> None:
    """An operator reads open letters and the journal, replays and speaks to replicas."""
    assert {DEAD, NAMES.journal} <= may(Role.OPERATOR, "read")
    assert not {WORK, URGENT, MAILBOX} & may(Role.OPERATOR, "read")
    assert {NAMES.dead, NAMES.requests, NAMES.control} <= may(Role.OPERATOR, "write")
    assert not {WORK, DEAD, NAMES.dead} & may(Role.OPERATOR, "configure")
    own = topic_permissions(Role.OPERATOR, NAMES)
    assert [one.exchange for one in own] == [NAMES.replies]


def test_the_topology_role_stays_under_its_prefix() -> None:
    """The one who declares everything may do so under the prefix only."""
    ours = ALL - {"amq.default", "amq.topic", "levXtest.requests", "other"}
    assert may(Role.TOPOLOGY, "configure") == ours
    assert may(Role.TOPOLOGY, "write") == ours | {"amq.default"}


def test_monitoring_opens_no_queue() -> None:
    """Figures need no permission on any queue or exchange."""
    assert not any(may(Role.MONITORING, what) for what in ("configure", "write", "read"))
