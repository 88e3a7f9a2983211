"""What became of a delivery, as one line where somebody may want to look."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, assert_never

from workers.outcome import Batched, DeadLettered, Expired, Replied, Requeued, Retried

if TYPE_CHECKING:
    from uuid import UUID

    from workers.outcome import Delivery, Failure, Outcome, Subject

log = logging.getLogger("leveret.outcome")

#: Two kinds of lines, so that a flood of one leaves room for the other.
_RETRIED: Final = "will be tried again (%s) after attempt %d: %s"
_HELD: Final = "put off (%s) after attempt %d: %s"
#: Types of errors that one line tells.
MOST_KINDS: Final = 5


def log_outcome(delivery: Delivery, outcome: Outcome) -> None:
    """Write a line for each end that is no success; a success shows at DEBUG only.

    Ids and types are told, and the reason, which holds no value of the sender's; never the body.
    """
    match outcome:
        case Replied():
            # The way of nearly every message: no more than this look.
            if log.isEnabledFor(logging.DEBUG):
                log.debug("replied", extra=_ids(delivery, outcome.subject, "replied"))
        case Retried(failure=failure, held=held):
            log.info(
                _HELD if held else _RETRIED,
                "at once" if outcome.delay is None else f"in {outcome.delay}",
                outcome.attempt,
                _why(failure),
                extra=_ids(
                    delivery,
                    outcome.subject,
                    "retried",
                    attempt=outcome.attempt,
                    error_code=failure.code.value,
                ),
            )
        case DeadLettered(failure=failure) | Expired(failure=failure):
            end = "expired" if isinstance(outcome, Expired) else "dead_lettered"
            log.warning(
                "dead-lettered on attempt %d: %s",
                outcome.attempts,
                _why(failure),
                extra=_ids(
                    delivery,
                    outcome.subject,
                    end,
                    attempt=outcome.attempts,
                    error_code=failure.code.value,
                    letter_id=outcome.letter_id,
                ),
            )
        case Batched():
            for one in outcome.all_ends:
                log_outcome(one.delivery, one.outcome)
        case Requeued():
            log.info(
                "given back: %s",
                outcome.reason,
                extra=_ids(delivery, outcome.subject, "requeued"),
            )
        case _:
            assert_never(outcome)


def _why(failure: Failure) -> str:
    """Return the reason; of errors in a body only their types, since a sender names its fields."""
    if not failure.errors:
        return failure.reason
    kinds = sorted({error.error_type for error in failure.errors})
    told = ", ".join(kinds[:MOST_KINDS]) + (", …" if len(kinds) > MOST_KINDS else "")
    errors = "1 error" if failure.error_count == 1 else f"{failure.error_count} errors"
    return f"{errors} ({told}); the letter says where"


def _ids(delivery: Delivery, subject: Subject, outcome: str, **more: object) -> dict[str, object]:
    return {
        "queue": delivery.queue,
        "outcome": outcome,
        "message_type": subject.message_type,
        "task_type": subject.task_type,
        "envelope_id": _text(subject.envelope_id),
        # What could not be read is found by what stands beside its body.
        "correlation_id": _text(subject.correlation_id) or delivery.properties.correlation_id,
        **more,
    }


def _text(told: UUID | None) -> str | None:
    return None if told is None else str(told)
