"""What every contender is given: one task of a wanted size, good or bad, as bytes."""

from __future__ import annotations

from messages import (
    AgentMetadata,
    AgentRole,
    Envelope,
    TaskRequest,
    TaskRequestPayload,
    encode,
)

#: Characters of one text among a task's parameters; a longer body has more of them.
TEXT: int = 1_000
#: A body that is JSON and an envelope, but whose priority is beyond all bounds.
_BAD = b'"priority":99'


def task(size: int = 600, *, task_type: str = "echo", bad: bool = False) -> bytes:
    """Return a task of about `size` bytes (600 at least)."""
    asker = AgentMetadata(
        agent_id="bench",
        role=AgentRole.COORDINATOR,
        load_factor=0.5,
        capabilities=("coordination", "task_distribution"),
    )
    texts = ["hare " * (TEXT // 5)] * ((size - 600) // (TEXT + 3)) or ["hare " * 9]
    request = TaskRequest(task_type=task_type, parameters={"texts": texts}, budget="25.00")
    payload = TaskRequestPayload(request=request, execution_context={"trace": "0" * 16})
    body = encode(
        Envelope(message_type="task_request", payload=payload, source_agent=asker, ttl=300),
    )
    return body.replace(b'"priority":5', _BAD) if bad else body
