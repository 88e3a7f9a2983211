"""The protocol: what travels on the wire, and nothing of how. Pure; no broker, no clock."""

from messages.address import Address, InvalidAddress
from messages.agents import AgentMetadata, AgentRole
from messages.answers import answer_error, answer_payload, answer_task, encode, error_payload
from messages.catalog import Catalog
from messages.codes import ErrorCode
from messages.envelope import Envelope
from messages.errors import FieldError, InvalidMessage, Salvage, format_errors
from messages.fast import CompactMessage, HighSpeedMessage, OptimizedMessage
from messages.model import Message, ProtocolModel, UtcDatetime
from messages.parameters import decode_parameters
from messages.payload import Payload
from messages.shipped import (
    SHIPPED_PAYLOADS,
    BatchPayload,
    DocumentPayload,
    ErrorPayload,
    HeartbeatPayload,
    SecureDocument,
    SecurityLevel,
    TaskRequestPayload,
    TaskResponsePayload,
)
from messages.tasks import TaskRequest, TaskResult, TaskStatus, normalize_task_type

__all__ = [
    "SHIPPED_PAYLOADS",
    "Address",
    "AgentMetadata",
    "AgentRole",
    "BatchPayload",
    "Catalog",
    "CompactMessage",
    "DocumentPayload",
    "Envelope",
    "ErrorCode",
    "ErrorPayload",
    "FieldError",
    "HeartbeatPayload",
    "HighSpeedMessage",
    "InvalidAddress",
    "InvalidMessage",
    "Message",
    "OptimizedMessage",
    "Payload",
    "ProtocolModel",
    "Salvage",
    "SecureDocument",
    "SecurityLevel",
    "TaskRequest",
    "TaskRequestPayload",
    "TaskResponsePayload",
    "TaskResult",
    "TaskStatus",
    "UtcDatetime",
    "answer_error",
    "answer_payload",
    "answer_task",
    "decode_parameters",
    "encode",
    "error_payload",
    "format_errors",
    "normalize_task_type",
]
