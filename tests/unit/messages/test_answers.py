"""Answers as whole messages (section 5)."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from writing import ENVELOPE_ID, TASK_ID, accepted, task

from messages import (
    AgentMetadata,
    AgentRole,
    HeartbeatPayload,
    TaskResult,
    TaskStatus,
    answer_error,
    answer_payload,
    answer_task,
    encode,
    error_payload,
)

WORKER = AgentMetadata(
    agent_id="w", role=AgentRole.WORKER, capabilities=("task_execution",), load_factor=0.0
)


def test_an_answer_carries_the_requests_correlation_id() -> None:
    """And is for the agent that asked, from the worker, under an id of its own."""
    correlation_id = uuid4()
    request = accepted(task() | {"correlation_id": str(correlation_id)})
    answer = answer_payload(request, HeartbeatPayload(agent_status=WORKER), source=WORKER)
    assert answer.correlation_id == correlation_id
    assert answer.target_agent == "asker"
    assert answer.source_agent == WORKER
    assert answer.envelope_id not in {request.envelope_id, correlation_id}
    assert accepted(encode(answer)) == answer


def test_without_one_it_carries_the_requests_envelope_id() -> None:
    """So that whoever asked can tell."""
    result = TaskResult(
        task_id=UUID(TASK_ID), status=TaskStatus.COMPLETED, completion_time=datetime.now(UTC)
    )
    answer = answer_task(accepted(task()), result, source=WORKER)
    assert answer.correlation_id == UUID(ENVELOPE_ID)
    assert answer.message_type == answer.payload.message_type == "task_response"
    assert accepted(encode(answer)) == answer


def test_an_error_is_a_whole_message_even_when_nobody_is_known() -> None:
    """The request may have been unreadable."""
    error = error_payload("invalid_json", "no JSON", {"errors": []})
    answer = answer_error(error, source=WORKER, correlation_id=None)
    assert (answer.correlation_id, answer.target_agent, answer.reply_to) == (None, None, None)
    assert accepted(encode(answer)) == answer
