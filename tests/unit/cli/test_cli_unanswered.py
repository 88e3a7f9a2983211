"""Why an answer may be missing, told by who takes messages."""

from __future__ import annotations

from topology.apply import Depth
from workers.cli.publishing import unanswered

QUEUES = {"leveret.work.default": "default", "leveret.work.images": "images"}


def test_queues_that_nobody_takes_from_are_named() -> None:
    """With the command that starts a worker for them."""
    told = unanswered(
        QUEUES, {"leveret.work.default": Depth(3, 0), "leveret.work.images": Depth(7, 2)}
    )
    assert told == (
        "no worker takes messages from leveret.work.default, where 3 messages wait; start one with "
        "`leveret run --group default`"
    )


def test_where_workers_are_there_or_nothing_is_seen_retries_are_thought_of() -> None:
    """Nobody is sent to start what runs."""
    for seen in ({}, dict.fromkeys(QUEUES, Depth(0, 1))):
        assert "waits for its retry" in unanswered(QUEUES, seen)
