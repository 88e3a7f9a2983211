"""What a roster reckons from two heartbeats of one replica."""

from __future__ import annotations

import orjson

from messages import Envelope, HeartbeatPayload, encode
from workers.cli.top import _replica
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
