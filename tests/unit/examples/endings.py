"""What a message was answered with, or why it was not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from messages import ErrorCode
from workers.outcome import DeadLettered, Replied
from workers.testing import read

if TYPE_CHECKING:
    from workers.outcome import Outcome


def result_of(outcome: Outcome) -> dict[str, Any]:
    """Return the result data of a task that was done."""
    assert isinstance(outcome, Replied), outcome
    response: dict[str, Any] = read(outcome.answer)["payload"]["response"]
    assert response["status"] == "completed"
    data: dict[str, Any] = response["result_data"]
    return data


def payload_of(outcome: Outcome) -> dict[str, Any]:
    """Return the payload that a message was answered with."""
    assert isinstance(outcome, Replied), outcome
    payload: dict[str, Any] = read(outcome.answer)["payload"]
    return payload


def reason_of(outcome: Outcome) -> str:
    """Return why a processor said no."""
    assert isinstance(outcome, DeadLettered), outcome
    assert outcome.failure.code is ErrorCode.REJECTED
    return outcome.failure.reason
