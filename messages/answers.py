"""Answers as whole messages, and messages as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from messages.envelope import Envelope
from messages.shipped import ErrorPayload, TaskResponsePayload

if TYPE_CHECKING:
    from uuid import UUID

    from messages.agents import AgentMetadata
    from messages.payload import Payload
    from messages.tasks import TaskResult

_write = TypeAdapter(Envelope).serializer.to_json


def encode(envelope: Envelope) -> bytes:
    """Return the message as JSON bytes."""
    return _write(envelope, by_alias=True)


def answer_payload(request: Envelope, payload: Payload, *, source: AgentMetadata) -> Envelope:
    """Return the answer to a request, with its correlation id and for the agent that asked."""
    return Envelope(
        message_type=payload.message_type,
        payload=payload,
        source_agent=source,
        correlation_id=request.correlation_id or request.envelope_id,
        target_agent=request.source_agent.agent_id,
    )


def answer_task(request: Envelope, result: TaskResult, *, source: AgentMetadata) -> Envelope:
    """Return the answer to a task."""
    return answer_payload(request, TaskResponsePayload(response=result), source=source)


def answer_error(
    error: ErrorPayload,
    *,
    source: AgentMetadata,
    correlation_id: UUID | None,
    target_agent: str | None = None,
) -> Envelope:
    """Return an error as a message; a request that could not be read may have no correlation id."""
    return Envelope(
        message_type=error.message_type,
        payload=error,
        source_agent=source,
        correlation_id=correlation_id,
        target_agent=target_agent,
    )


def error_payload(
    code: str,
    message: str,
    details: dict[str, Any],
    *,
    original: UUID | None = None,
) -> ErrorPayload:
    """Return the content of an error answer."""
    return ErrorPayload(
        error_code=code,
        error_message=message,
        error_details=details,
        original_message_id=original,
    )
