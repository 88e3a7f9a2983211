"""A batch message with some invalid messages: the rest is done, and each has its own end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from workers.outcome import Batched, End, Requeued, Retried, Subject

if TYPE_CHECKING:
    from messages.batching import Figures
    from workers.outcome import Answer, Delivery, Outcome
    from workers.request import Request

log = logging.getLogger("leveret.batch")


def together(
    rest: Delivery,
    outcome: Outcome,
    ends: list[End],
    answers: list[Answer],
) -> Outcome:
    """Return the outcome of a whole batch: what became of its valid part, and of each other one."""
    told = tuple(answers)
    if isinstance(outcome, Requeued | Batched):
        return outcome
    if isinstance(outcome, Retried):
        return Batched(Subject("batch"), tuple(ends), rest=End(rest, outcome), answers=told)
    done = End(rest, outcome._replace(answer=None))
    return Batched(Subject("batch"), (done, *ends), outcome.answer, answers=told)


def log_figures(figures: Figures, request: Request) -> None:
    """Write one line about a batch that was not all good."""
    log.info(
        "%d of %d messages of a batch are valid; %.0f a second",
        figures.valid,
        figures.total,
        figures.messages_per_second,
        extra={"correlation_id": request.delivery.properties.correlation_id, **figures.told()},
    )
