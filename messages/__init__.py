"""The protocol: what travels on the wire, and nothing of how. Pure; no broker, no clock."""

from messages.address import Address, InvalidAddress
from messages.agents import AgentMetadata, AgentRole
from messages.answers import answer_error, answer_payload, answer_task, encode, error_payload
from messages.catalog import Catalog
from messages.codes import ErrorCode
from messages.conditional import ConditionalModel, ConditionalText, Mode
from messages.context import SecurityLevel, ValidationContext, context_of
from messages.documents import DocumentPayload, SecureDocument
from messages.envelope import Envelope
from messages.errors import FieldError, InvalidMessage, format_errors
from messages.fast import CompactMessage, HighSpeedMessage, OptimizedMessage
from messages.model import Message, ProtocolModel, UtcDatetime
from messages.parameters import decode_parameters
from messages.payload import Payload
from messages.references import reference
from messages.rules import BusinessRules
from messages.salvage import Salvage
from messages.shipped import (
    SHIPPED_PAYLOADS,
    BatchPayload,
    ErrorPayload,
    HeartbeatPayload,
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
    "BusinessRules",
    "Catalog",
    "CompactMessage",
    "ConditionalModel",
    "ConditionalText",
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
    "Mode",
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
    "ValidationContext",
    "answer_error",
    "answer_payload",
    "answer_task",
    "context_of",
    "decode_parameters",
    "encode",
    "error_payload",
    "format_errors",
    "normalize_task_type",
    "reference",
]
