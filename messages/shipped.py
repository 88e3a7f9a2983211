"""The payloads every worker knows."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import BeforeValidator, Field, computed_field, model_validator
from pydantic_core import PydanticCustomError, to_json

from messages.agents import AgentMetadata
from messages.documents import DocumentPayload
from messages.fast import CompactMessage
from messages.model import dropped
from messages.payload import Payload
from messages.tasks import TaskRequest, TaskResult


class TaskRequestPayload(Payload, type="task_request"):
    """Asks for a task; dispatched a second time by its task type."""

    request: TaskRequest
    execution_context: dict[str, Any] = {}


class TaskResponsePayload(Payload, type="task_response"):
    """Answers a task."""

    response: TaskResult
    execution_metadata: dict[str, Any] = {}


class HeartbeatPayload(Payload, type="heartbeat"):
    """An agent says that it is there, and how it is doing."""

    agent_status: AgentMetadata
    metrics: dict[str, float] = {}


class ErrorPayload(Payload, type="error"):
    """Says what could not be done and why."""

    error_code: Annotated[str, Field(min_length=1, max_length=100)]
    error_message: str
    error_details: dict[str, Any] = {}
    original_message_id: UUID | None = None


class BatchPayload(Payload, type="batch"):
    """Many compact messages in one."""

    batch_id: int
    count: Annotated[int, Field(gt=0)]
    messages: list[CompactMessage]
    #: Written by us and dropped when read: it is computed.
    told_size: Annotated[Any, BeforeValidator(dropped)] = Field(
        default=None, alias="total_payload_size", exclude=True, repr=False
    )

    @model_validator(mode="after")
    def _all_there(self) -> Self:
        if self.count != len(self.messages):
            raise PydanticCustomError(
                "batch_count",
                "count is {count}, but there are {found} messages",
                {"count": self.count, "found": len(self.messages)},
            )
        return self

    @computed_field  # type: ignore[prop-decorator] # the order pydantic asks for
    @property
    def total_payload_size(self) -> int:
        """Bytes of all payloads as JSON."""
        return sum(len(to_json(message.payload)) for message in self.messages)


SHIPPED_PAYLOADS: Final[tuple[type[Payload], ...]] = (
    TaskRequestPayload,
    TaskResponsePayload,
    HeartbeatPayload,
    ErrorPayload,
    DocumentPayload,
    BatchPayload,
)
