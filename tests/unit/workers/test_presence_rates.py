"""What a roster reckons from two heartbeats of one replica."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from messages import AgentMetadata, Envelope, HeartbeatPayload, encode
from workers.cli.top import _replica
from workers.cli.top_page import takes
from workers.console.now import replica_row
from workers.presence import roster as rosters
from workers.presence.roster import Roster
from workers.testing import agent


def heartbeat(name: str = "one", **metrics: float) -> bytes:
    """Return a heartbeat with these counters."""
    payload = HeartbeatPayload(agent_status=agent(name), metrics=metrics)
    return encode(
        Envelope(message_type="heartbeat", payload=payload, source_agent=payload.agent_status)
    )


def test_rates_are_the_growth_between_two_heartbeats() -> None:
    """After the first one there are none yet; a replica that began anew has none below 0."""
    now = [100.0]
    roster = Roster(interval=5.0, clock=lambda: now[0])
    roster.heard(heartbeat(received=10, replied=10, paused=1))
    (one,) = roster.present()
    assert (one.rates, one.state) == ({}, "paused")
    now[0] += 5
    roster.heard(heartbeat(received=60, replied=35, ready=1))
    (one,) = roster.present()
    assert (one.rates["received"], one.rates["replied"]) == (10.0, 5.0)
    assert one.recent["received"] == 50
    assert one.state == "serving"
    now[0] += 5
    roster.heard(heartbeat(received=1, ready=0))
    (one,) = roster.present()
    assert (one.rates["received"], one.state) == (0.0, "not ready")


def test_who_falls_silent_is_forgotten_and_noise_is_left_alone() -> None:
    """Three heartbeats missed and it is gone."""
    now = [100.0]
    roster = Roster(interval=5.0, clock=lambda: now[0])
    roster.heard(heartbeat("a"))
    roster.heard(b"noise")
    roster.heard(b"{}")
    now[0] += 14
    roster.heard(heartbeat("b"))
    assert [one.agent.agent_id for one in roster.present()] == ["a", "b"]
    now[0] += 2
    assert [one.agent.agent_id for one in roster.present()] == ["b"]


def test_a_figure_that_counts_nothing_is_left_out() -> None:
    """Anybody may send a heartbeat, and what is made of it is printed as JSON."""
    roster = Roster(interval=5.0, clock=lambda: 100.0)
    roster.heard(heartbeat(received=1e308, in_flight=1e308, replied=-1, retried=2))
    (one,) = roster.present()
    assert one.figures == {"retried": 2}
    assert orjson.loads(orjson.dumps(_replica(one)))["in_flight"] == 0


@pytest.mark.parametrize("odd", [None, 5, 10**30, "echo", {"a": 1}, [None, 7, "echo"], 1.5])
def test_what_an_agent_adds_is_told_only_where_it_is_what_it_should_be(odd: Any) -> None:
    """Anybody may send a heartbeat, and one of them took every page down that shows replicas."""
    told = agent().model_dump(mode="json")
    one = AgentMetadata.model_validate_json(
        orjson.dumps(told)[:-1]
        + b"".join(
            b',"%s":%s' % (name, b"1" + b"0" * 30 if odd == 10**30 else orjson.dumps(odd))
            for name in (b"tasks", b"accepts", b"group", b"version")
        )
        + b"}"
    )
    replica = rosters.Replica(one, 0.0)
    types = ["echo"] if isinstance(odd, list) else []
    text = odd if isinstance(odd, str) else ""
    row = replica_row(replica, 0.0)
    assert (row.group, list(row.accepts)) == (text or "?", types)
    assert takes(replica) == ", ".join(types * 2)
    document = orjson.loads(orjson.dumps(_replica(replica)))
    assert (document["tasks"], document["accepts"]) == (types, types)
    assert (document["group"], document["version"]) == (text, text)


def test_heartbeats_under_ever_new_names_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is known stays known, and there is room again when others have fallen silent."""
    monkeypatch.setattr(rosters, "MOST_REPLICAS", 2)
    now = [100.0]
    roster = Roster(interval=5.0, clock=lambda: now[0])
    for name in ("a", "b", "c", "a"):
        roster.heard(heartbeat(name))
    assert [one.agent.agent_id for one in roster.present()] == ["a", "b"]
    now[0] += 20
    roster.heard(heartbeat("c"))
    assert [one.agent.agent_id for one in roster.present()] == ["c"]
