"""The live view of `leveret dev` counts whoever works, not only the workers it started."""

from __future__ import annotations

from rich.console import Console

from messages import Envelope, HeartbeatPayload, encode
from workers.cli.books import Books
from workers.cli.live import Live
from workers.presence.roster import Roster
from workers.testing import agent


def replied(live: Live) -> list[str]:
    """Return what the picture says of answers: so far, and a second."""
    console = Console(width=100)
    with console.capture() as text:
        console.print(live._ends())
    (line,) = [line for line in text.get().splitlines() if "replied" in line]
    return line.split()[2:4]


def test_a_worker_that_joins_is_counted_and_one_that_left_stays_counted() -> None:
    """All by their heartbeats."""
    now = [100.0]
    roster = Roster(interval=1.0, clock=lambda: now[0])
    live = Live(Books(), roster, trouble=lambda: "", json=False)

    def beat(name: str, replied: float) -> None:
        payload = HeartbeatPayload(agent_status=agent(name), metrics={"replied": replied})
        source = payload.agent_status
        roster.heard(
            encode(Envelope(message_type="heartbeat", payload=payload, source_agent=source))
        )

    beat("own", 10)
    assert replied(live) == ["10", "0.0"]
    now[0] += 2
    beat("own", 20)
    beat("joined", 100)
    assert replied(live) == ["120", "5.0"]
    now[0] += 60
    assert replied(live) == ["120", "0.0"]
