"""The work every Python contender does: validate a task with leveret's models, and answer it."""

from __future__ import annotations

from datetime import UTC, datetime

from messages import (
    SHIPPED_PAYLOADS,
    AgentMetadata,
    AgentRole,
    Catalog,
    TaskResult,
    answer_task,
    encode,
)

_catalog = Catalog(SHIPPED_PAYLOADS)
_me = AgentMetadata(
    agent_id="contender",
    role=AgentRole.WORKER,
    capabilities=("task_execution",),
    load_factor=0.0,
)


def answer(body: bytes) -> bytes:
    """Return the answer to a task; raises InvalidMessage for a bad one."""
    envelope = _catalog.decode(body)
    task = envelope.payload.request
    result = TaskResult(
        task_id=task.task_id,
        status="completed",
        completion_time=datetime.now(UTC),
        processing_cost=0,
        result_data=task.parameters,
    )
    return encode(answer_task(envelope, result, source=_me))
