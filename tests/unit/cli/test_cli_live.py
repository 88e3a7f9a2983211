"""The live view of `leveret dev` counts whoever works, not only the workers it started."""

from __future__ import annotations

import pytest
from rich.console import Console

from messages import AgentMetadata, Envelope, HeartbeatPayload, encode
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


@pytest.mark.parametrize("trouble", ["", "no broker answers"])
def test_the_picture_fits_a_terminal_of_80_columns_and_24_lines(trouble: str) -> None:
    """Of a worker's types the first few are told, and how many more; a trouble stands last."""
    roster = Roster(interval=1.0, clock=lambda: 0.0)
    told = {"tasks": [f"task_{number}" for number in range(10)], "group": "default"}
    for name in ("vm-1388", "vm-1390"):
        source = AgentMetadata.model_validate(agent(name).model_dump() | told)
        payload = HeartbeatPayload(agent_status=source, metrics={})
        roster.heard(
            encode(Envelope(message_type="heartbeat", payload=payload, source_agent=source))
        )
    console = Console(width=80)
    with console.capture() as text:
        console.print(Live(Books(), roster, trouble=lambda: trouble, json=False)._picture())
    picture = text.get()
    assert picture.count("task_0, task_1 +8") == 2
    assert len(picture.splitlines()) < 24
    assert picture.rstrip().endswith(trouble or "Ctrl-C ends it all")
