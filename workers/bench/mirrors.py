"""The task request of 600 bytes, as other libraries and leaner types see it.

They read the same bytes into the same fields. What they leave out is what they are faster by:
rules between fields, ranges, unknown fields and keys that came twice.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from typing_extensions import TypedDict

from messages import Envelope, TaskRequest, TaskRequestPayload, encode
from workers.testing import agent

if TYPE_CHECKING:
    from collections.abc import Callable


class AgentDict(TypedDict):
    """As AgentMetadata."""

    agent_id: str
    role: str
    capabilities: list[str]
    load_factor: float
    max_concurrent_tasks: int


class RequestDict(TypedDict):
    """As TaskRequest."""

    task_id: UUID
    task_type: str
    priority: int
    budget: Decimal
    callback_url: str | None
    parameters: dict[str, Any]
    deadline: datetime | None


class PayloadDict(TypedDict):
    """As TaskRequestPayload."""

    message_type: str
    request: RequestDict
    execution_context: dict[str, Any]


class EnvelopeDict(TypedDict):
    """As Envelope."""

    envelope_id: UUID
    message_type: str
    correlation_id: UUID | None
    reply_to: str | None
    ttl: int
    source_agent: AgentDict
    target_agent: str | None
    version: str
    timestamp: datetime
    payload: PayloadDict


def bodies(count: int, *, different: int) -> list[bytes]:
    """Return task requests of about 600 bytes; only so many of them differ."""
    told = [_body(number) for number in range(min(count, different))]
    return [told[number % len(told)] for number in range(count)]


def _body(number: int) -> bytes:
    request = TaskRequest(
        task_type="echo",
        priority=5,
        parameters={"text": "x" * 20, "number": number, "more": ["a", "b"]},
    )
    return encode(
        Envelope(
            message_type="task_request",
            payload=TaskRequestPayload(request=request),
            source_agent=agent("bench"),
            reply_to="agent://bench/answers",
        )
    )


def msgspec_decode() -> Callable[[bytes], object] | None:
    """Return msgspec's decoder of the same message; None where it is not installed."""
    try:
        import msgspec  # noqa: PLC0415 - an outside reference, not a dependency
    except ImportError:
        return None
    define = msgspec.defstruct
    person = define("AgentStruct", _fields(AgentDict))
    request = define("RequestStruct", _fields(RequestDict))
    payload = define("PayloadStruct", [*_fields(PayloadDict, request=request)])
    envelope = define("EnvelopeStruct", _fields(EnvelopeDict, payload=payload, source_agent=person))
    decode: Callable[[bytes], object] = msgspec.json.Decoder(envelope).decode
    return decode


def _fields(kind: Any, **changed: Any) -> list[tuple[str, Any]]:
    from typing import get_type_hints  # noqa: PLC0415 - only here

    return list((get_type_hints(kind) | changed).items())
