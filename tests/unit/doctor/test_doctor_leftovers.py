"""What a mistyped group leaves behind is told, with what removes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from topology import Names
from topology.apply import Depth
from workers.broker import Running
from workers.doctor import http_api as api_of
from workers.doctor import leftovers
from workers.doctor.finding import State
from workers.doctor.http_api import HttpApi, http_api, removal, vhost_of
from workers.doctor.leftovers import Looked
from workers.presence.roster import Replica
from workers.settings import Settings
from workers.testing import agent

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = Names()
WORK, URGENT, DEAD = NAMES.work("typo"), NAMES.urgent("typo"), NAMES.dead_queue("typo")
BOUND = [{"source": NAMES.requests, "destination": WORK, "routing_key": "*"}]
API = HttpApi("http://guest:guest@127.0.0.1:7/", private=True)


def depths(work: Depth, dead: int = 0) -> Mapping[str, Depth]:
    """Return the queues of the group, as full as this."""
    return {DEAD: Depth(dead, 0), WORK: work, URGENT: Depth(0, work.consumers)}


def test_a_group_that_nobody_takes_from_is_left_over() -> None:
    """Its queues come together, work first; whether it gets requests is told."""
    (one,) = leftovers.left(NAMES, depths(Depth(7, 0)), BOUND)
    assert (one.group, list(one.queues), one.bound) == ("typo", [WORK, URGENT, DEAD], True)
    (one,) = leftovers.left(NAMES, depths(Depth(0, 0), dead=1), [])
    assert not one.bound


def test_what_is_served_or_neither_holds_nor_gets_anything_is_nothing_to_tell() -> None:
    """An empty queue that nothing leads to does not grow."""
    assert not leftovers.left(NAMES, depths(Depth(7, 1)), BOUND)
    assert not leftovers.left(NAMES, depths(Depth(0, 0)), [])
    served = {**depths(Depth(7, 0)), DEAD: Depth(0, 1)}  # somebody looks at its dead letters
    assert leftovers.left(NAMES, served, BOUND)


def findings(**more: Any) -> list[leftovers.Finding]:
    """Return what is made of one group that is left over."""
    found = leftovers.left(NAMES, depths(Depth(7, 0)), BOUND)
    given: dict[str, Any] = {"settings": Settings(), "looked": Looked(API, found), "present": ()}
    return list(leftovers.findings(**given | more))


def test_a_group_that_is_left_over_is_told_with_what_removes_it() -> None:
    """Every queue by a command of its own."""
    (found,) = findings()
    assert (found.check, found.state) == ("consumers.typo", State.NOTE)
    assert f"7 messages in {WORK}" in found.told
    assert "gets requests" in found.told
    assert "leveret run --group typo" in found.advice
    assert [command.rpartition("/")[2] for command in found.commands] == [WORK, URGENT, DEAD]
    tables = Settings(groups={"default": {}})
    assert "write a table [groups.typo]" in findings(settings=tables)[0].advice


def test_a_group_whose_replicas_are_paused_is_not_to_be_removed() -> None:
    """They consume nothing and are there all the same."""
    who = agent("one")
    paused = Replica(type(who)(**who.model_dump(), group="typo"), 0.0, {"paused": 1.0})
    (found,) = findings(present=(paused,))
    assert (found.check, found.state) == ("queues", State.OK)


def test_that_nobody_could_be_asked_is_told_and_only_a_named_api_is_to_be_mended() -> None:
    """Most brokers are looked at without one."""
    (found,) = findings(looked=Looked(None))
    assert (found.state, "--management-url" in found.told) == (State.OK, True)
    (found,) = findings(looked=Looked(API, trouble="refused"))
    assert found.state is State.OK
    (found,) = findings(looked=Looked(HttpApi("http://a", named=True), trouble="refused"))
    assert (found.state, found.told) == (State.NOTE, "refused")


def test_the_api_is_the_named_one_or_one_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password is sent to another machine only where somebody says so."""
    kept = Running(("amqp://guest:guest@127.0.0.1:4000",), ("http://kept",), ("",), (1,), "")
    monkeypatch.setattr(api_of, "status", lambda: kept)

    def found(url: str, named: str | None = None) -> HttpApi | None:
        return http_api(Settings(amqp_url=url), named)

    assert found("amqp://far/", "http://named") == HttpApi("http://named", named=True)
    assert found("amqp://a:b@127.0.0.1:4000/v") == HttpApi("http://kept", private=True)
    assert found("amqp://a:b@localhost/v") == HttpApi("http://a:b@localhost:15672")
    for url in ("amqp://a:b@far.example/", "amqp://127.0.0.1:4001/", "amqps://localhost/"):
        assert found(url) is None
    assert http_api(Settings(), None) is None


def test_what_removes_a_queue_fits_the_broker() -> None:
    """No rabbitmqctl reaches the private one; names of others are quoted."""
    at = HttpApi("http://a:b@localhost:15672")
    assert removal(at, "/", WORK) == f"rabbitmqctl -p / delete_queue {WORK}"
    assert removal(at, "a b", "x;y") == "rabbitmqctl -p 'a b' delete_queue 'x;y'"
    told = removal(API, "/", WORK)
    assert told == f"curl -u guest:guest -X DELETE http://127.0.0.1:7/api/queues/%2F/{WORK}"
    hosts = {"amqp://h": "/", "amqp://h/": "/", "amqp://h/%2F": "/", "amqp://h/a%20b": "a b"}
    assert {url: vhost_of(Settings(amqp_url=url)) for url in hosts} == hosts


async def test_an_api_that_does_not_answer_is_no_error() -> None:
    """The rest is looked at all the same."""
    for url in ("http://127.0.0.1:1", "nonsense", "http://127.0.0.1:port"):
        looked = await leftovers.look(Settings(), HttpApi(url))
        assert (looked.left, bool(looked.trouble)) == ((), True)
    assert await leftovers.look(Settings(), None) == Looked(None)
