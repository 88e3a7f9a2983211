"""A worker tells the journal what became of a replay, and of nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import pytest

from messages import ErrorCode
from topology import Names
from workers import headers as h
from workers.outcome import (
    Batched,
    DeadLettered,
    Delivery,
    End,
    Failure,
    Properties,
    Replied,
    Requeued,
    Retried,
    Subject,
)
from workers.settling.copies import Origin
from workers.settling.replays import AGAIN, DONE, REPLAYED, heard, word

if TYPE_CHECKING:
    from workers.outcome import Outcome
    from workers.publication import Publication

NAMES = Names()
NOW = datetime(2026, 5, 1, tzinfo=UTC)
ORIGIN = Origin(NAMES, "default", "hare", "worker", frozenset({"operator"}))
SUBJECT = Subject("task_request", "echo")
FAILED = Failure(ErrorCode.PROCESSING_FAILED, "the shop is closed", retryable=True)
REPLAY = Delivery(
    b"{}", Properties(headers={h.REPLAY_OF: "letter", h.REPLAYS: 1}, user_id="operator")
)
REPLIED = Replied(SUBJECT)
RETRIED = Retried(SUBJECT, FAILED, None, 1)
DEAD = DeadLettered(SUBJECT, FAILED, "another")


def back(told: Publication) -> Delivery:
    """Return it as the journal shows it."""
    return Delivery(told.body, Properties(type=told.type), told.exchange, told.routing_key)


@pytest.mark.parametrize(
    ("outcome", "end"),
    [
        (REPLIED, DONE),
        (RETRIED, AGAIN),
        (Batched(SUBJECT, (End(REPLAY, REPLIED),)), DONE),
    ],
)
def test_a_replay_that_is_done_or_tried_again_is_told(outcome: Outcome, end: str) -> None:
    """With the letter, the worker and the time; a retry with its reason."""
    told = word(REPLAY, outcome, ORIGIN, NOW)
    assert told is not None
    read = heard(back(told), NAMES)
    assert read is not None
    assert (read.letter_id, read.end, read.worker) == ("letter", end, "hare")
    assert read.at == NOW.isoformat()
    assert (read.error_code, read.reason) == (
        ("processing_failed", "the shop is closed") if end == AGAIN else ("", "")
    )


@pytest.mark.parametrize(
    "outcome",
    [
        DEAD,
        Requeued(SUBJECT, "leaving"),
        RETRIED._replace(held=True),
        Batched(SUBJECT, (End(REPLAY, REPLIED), End(REPLAY, DEAD))),
        Batched(SUBJECT, (End(REPLAY, REPLIED),), rest=End(REPLAY, RETRIED)),
    ],
)
def test_what_tells_itself_or_has_no_end_yet_is_not_told(outcome: Outcome) -> None:
    """A new dead letter is its own word."""
    assert word(REPLAY, outcome, ORIGIN, NOW) is None


@pytest.mark.parametrize(
    "properties",
    [
        Properties(user_id="operator"),
        Properties(headers={h.REPLAY_OF: "letter"}),
        Properties(headers={h.REPLAY_OF: "letter", h.REPLAYS: 1}, user_id="stranger"),
        Properties(headers={h.REPLAY_OF: 7}, user_id="operator"),
    ],
)
def test_no_stranger_makes_a_worker_tell_of_a_replay(properties: Properties) -> None:
    """Only whose replays are believed has their end told."""
    assert word(Delivery(b"{}", properties), REPLIED, ORIGIN, NOW) is None


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", orjson.dumps({"letter_id": "x"})])
def test_nonsense_in_the_journal_is_nobodys_word(body: bytes) -> None:
    """Nor is a letter, or a note."""
    assert heard(Delivery(body, Properties(type=REPLAYED), "", NAMES.journal_key), NAMES) is None
    told = word(REPLAY, REPLIED, ORIGIN, NOW)
    assert told is not None
    assert heard(back(told)._replace(routing_key="default"), NAMES) is None
