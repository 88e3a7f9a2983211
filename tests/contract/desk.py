"""A settler on a stage, and the outcomes that the settling contract carries out."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from broker.worker import NAMES, eventually
from contract.recording import RecordingBooks
from contract.stage import ANSWERS, LETTERS, MAILBOX_KEY, RUNG

from messages import ErrorCode
from workers import headers as h
from workers.outcome import Answer, Attempt, DeadLettered, Expired, Failure, Retried, Subject
from workers.settle import Settler
from workers.settling.copies import Origin

if TYPE_CHECKING:
    from contract.stage import Stage

    from workers.outcome import Delivery, Outcome
    from workers.publication import Published

SUBJECT = Subject("task_request", "echo")
FAILURE = Failure(ErrorCode.REJECTED, "no")
#: To a plain queue, and to an agent's mailbox.
PLAIN = Answer("", ANSWERS, "c-1", "task_response", b"{}")
AGENT = Answer(NAMES.replies, MAILBOX_KEY, "c-1", "error", b"[]")
HISTORY = (Attempt(1, "processing_failed", "once", "2026-01-01T00:00:00+00:00", "worker-1"),)
DEAD = DeadLettered(SUBJECT, FAILURE, "letter-1", 2, HISTORY, AGENT)
WAITS = Retried(SUBJECT, FAILURE, RUNG, 1, HISTORY)
LATE = Expired(SUBJECT, Failure(ErrorCode.EXPIRED, "late"), "letter-2", answer=PLAIN)


class Desk:
    """A settler on a stage, with its books."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.log = stage.log
        self.books = RecordingBooks()
        origin = Origin(NAMES, "default", "worker-1", "guest")
        now = datetime(2026, 1, 1, tzinfo=UTC)
        self._settler = Settler(stage.broker, origin, self.books, now=lambda: now)

    async def settle(self, outcome: Outcome) -> Delivery:
        """Bring one message, settle it, and return it."""
        delivery = await self.stage.deliver(
            b"body", reply_to=ANSWERS, **{"mine": "kept", "x-mine": "forged", h.ID: "forged"}
        )
        self.carry_out(delivery, outcome)
        return delivery

    def carry_out(self, delivery: Delivery, outcome: Outcome) -> None:
        """Settle a delivery."""
        self._settler.settle(delivery, outcome, 0.001)

    def heard(self, fate: Published) -> int:
        """Return how often the broker said this so far."""
        return sum(word.startswith(f"{fate.value} ") for word in self.log)

    async def ended(self, *ends: str) -> None:
        """Wait until the books tell exactly this."""
        await eventually(lambda: len(self.books.ends) >= len(ends))
        assert self.books.ends == list(ends)


def said(*places: str) -> list[str]:
    """Return a log in which each publish was confirmed, and an ack ended it."""
    return [word for one in places for word in (f"publish {one}", f"confirmed {one}")] + ["ack"]


#: How the log of a dead letter begins that nobody has to be told of.
BURIED = said(LETTERS, NAMES.dead)[:-1]


def buried(asker: str) -> list[str]:
    """Return the log of a dead letter: first it is there, then journal and asker are told."""
    both = (NAMES.dead, asker)
    sent = [f"publish {one}" for one in both]
    return [*said(LETTERS)[:-1], *sent, *sorted(f"confirmed {one}" for one in both), "ack"]


def ordered(log: list[str]) -> list[str]:
    """Return a log in which confirms that came one after the other are in alphabetical order."""
    runs = groupby(log, lambda word: word.startswith("confirmed"))
    return [word for confirms, run in runs for word in (sorted(run) if confirms else run)]
