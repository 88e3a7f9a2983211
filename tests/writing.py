"""Messages written by hand, as a program would that knows the protocol and none of our models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest

from messages import SHIPPED_PAYLOADS, Catalog, InvalidMessage

if TYPE_CHECKING:
    from messages import ValidationContext

Document: TypeAlias = dict[str, Any]

CATALOG: Final = Catalog(SHIPPED_PAYLOADS)
ENVELOPE_ID: Final = "0706b91e-02bf-45e7-aa6f-e10e08dccf69"
TASK_ID: Final = "5bc9d270-7724-4eb3-9fdd-36d4d3898a00"


def agent(**others: Any) -> Document:
    """Return an agent as it describes itself."""
    return {
        "agent_id": "asker",
        "role": "worker",
        "capabilities": ["task_execution"],
        "load_factor": 0.5,
    } | others


def envelope(payload: Document, **others: Any) -> Document:
    """Return a whole message around a payload."""
    return {
        "envelope_id": ENVELOPE_ID,
        "message_type": payload.get("message_type"),
        "source_agent": agent(),
        "payload": payload,
    } | others


def task(**others: Any) -> Document:
    """Return a message that asks for a task; `others` are fields of its request."""
    request = {"task_id": TASK_ID, "task_type": "echo", "parameters": {"text": "hello"}}
    return envelope({"message_type": "task_request", "request": request | others})


def result(**others: Any) -> Document:
    """Return a message that answers a task; `others` are fields of its result."""
    response = {
        "task_id": TASK_ID,
        "status": "completed",
        "completion_time": "2026-01-31T12:00:00Z",
        "result_data": {"pages": 12},
    }
    return envelope({"message_type": "task_response", "response": response | others})


def document(**others: Any) -> Document:
    """Return a message that carries a document; `others` are its fields."""
    content = {
        "document_id": TASK_ID,
        "title": "On hares",
        "content": "Every hare in this field is known by name.",
        "classification": "public",
    }
    return envelope({"message_type": "document", "document": content | others})


def heartbeat(**others: Any) -> Document:
    """Return a sign of life."""
    return envelope({"message_type": "heartbeat", "agent_status": agent()} | others)


def batch(*messages: Any, **others: Any) -> Document:
    """Return a batch of compact messages."""
    payload = {
        "message_type": "batch",
        "batch_id": 7,
        "count": len(messages),
        "messages": list(messages),
    }
    return envelope(payload | others)


def compact(number: int = 1, **others: Any) -> Document:
    """Return one message of a batch."""
    return {"msg_id": number, "msg_type": "req", "payload": {"n": number}} | others


def written(document: object) -> bytes:
    """Return a document as it goes over the wire."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def without(document: Document, *names: str) -> Document:
    """Return a document without some of its fields."""
    return {name: value for name, value in document.items() if name not in names}


def accepted(document: Document | bytes, context: ValidationContext | None = None) -> Any:
    """Return the message; fails where it is refused."""
    body = document if isinstance(document, bytes) else written(document)
    return CATALOG.decode(body, context=context)


def refused(
    document: Document | bytes,
    context: ValidationContext | None = None,
    catalog: Catalog = CATALOG,
) -> InvalidMessage:
    """Return why a message is refused; fails where it is not."""
    body = document if isinstance(document, bytes) else written(document)
    with pytest.raises(InvalidMessage) as caught:
        catalog.decode(body, context=context)
    return caught.value


def wrong(
    document: Document | bytes, context: ValidationContext | None = None
) -> list[tuple[str, str]]:
    """Return where and in which way a message is wrong."""
    errors = refused(document, context).errors
    return [(error.field_path, error.error_type) for error in errors]
