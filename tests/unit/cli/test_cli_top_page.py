"""The picture of `leveret top` is whole on 80 columns, and tells nothing that is not known."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from topology import Names
from topology.apply import Depth
from workers.cli.top_page import drawn
from workers.presence.roster import Replica
from workers.presence.watching import Picture
from workers.testing import agent


def replica(name: str, **figures: float) -> Replica:
    """Return one that has told of itself."""
    told = {"group": "pictures", "version": "0.1.0", "tasks": ["echo", "resize", "rotate"]}
    one = agent(name).model_validate(agent(name).model_dump() | told)
    return Replica(one, 0.0, figures={"ready": 1.0, **figures}, rates={"received": 12.5})


def shown(**changes: Any) -> str:
    """Return what a terminal of 80 columns shows."""
    picture = Picture(
        replicas=(replica("a-machine-with-a-long-name-12345-f00d"), replica("b", maintenance=1.0)),
        queues={"leveret.work.pictures": Depth(3, 2)},
        dead_letters=1,
        totals={"received": 12_345_678, "replied": 12_345_678},
        rates={"received": 12.5, "replied": 12.5},
        p50=0.012,
        p99=0.3,
        letters=(),
    )
    screen = Console(file=StringIO(), width=80, highlight=False)
    screen.print(drawn(picture._replace(**changes), Names()))
    told: str = screen.file.getvalue()  # type: ignore[attr-defined] # the one just made
    return told


def test_only_names_are_cut_on_80_columns() -> None:
    """A heading, a state or a figure that is cut says nothing."""
    told = shown()
    words = ("group", "state", "load", "busy", "msg/s", "version", "takes", "dead lettered")
    assert all(word in told for word in words)
    assert all(word in told for word in ("pictures", "serving", "maintenance", "12.5", "0.1.0"))
    assert "median 12 ms, 99 % within 300 ms" in told
    assert "12.5 messages a second" in told


def test_what_one_moment_does_not_tell_is_left_out() -> None:
    """A rate of 0.0, or a dash, would be read as a figure."""
    told = shown(rates={}, p50=None, p99=None)
    assert "a second" not in told
    assert "no message was timed lately" in told
    assert " - " not in told.replace("\n", " ").partition("messages ")[2]


def test_work_that_waits_and_nobody_takes_is_pointed_at() -> None:
    """A zero among figures is passed over; an empty queue, or dead letters, need no consumer."""
    told = shown(queues={"leveret.work.a": Depth(3, 0), "leveret.work.b": Depth(0, 0)})
    assert "nobody takes what waits in leveret.work.a; `leveret doctor`" in told
    served = {"leveret.work.a": Depth(3, 1), "leveret.dead.a": Depth(3, 0)}
    assert "nobody takes" not in shown(queues=served)
