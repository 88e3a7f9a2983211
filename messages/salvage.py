"""What a refused document still tells about who asked, as far as it has the right form."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import from_json


class Salvage(NamedTuple):
    """Enough to answer a sender whose message could not be read."""

    envelope_id: UUID | None = None
    correlation_id: UUID | None = None
    reply_to: str | None = None
    sender_id: str | None = None
    message_type: str | None = None
    task_type: str | None = None


def read(body: bytes) -> Any:
    """Return the document in a body, NaN and Infinity included; None where there is none."""
    try:
        return from_json(body)
    except ValueError:
        return None


def salvage(document: Any) -> Salvage:
    """Return what a document tells; nothing where it is no object."""
    if not isinstance(document, dict):
        return Salvage()
    source = document.get("source_agent")
    payload = document.get("payload")
    request = payload.get("request") if isinstance(payload, dict) else None
    return Salvage(
        _uuid(document.get("envelope_id")),
        _uuid(document.get("correlation_id")),
        _text(document.get("reply_to"), 255),
        _text(source.get("agent_id"), 128) if isinstance(source, dict) else None,
        _text(payload.get("message_type"), 100) if isinstance(payload, dict) else None,
        _text(request.get("task_type"), 100) if isinstance(request, dict) else None,
    )


def _uuid(value: object) -> UUID | None:
    if not isinstance(value, str) or len(value) > 45:  # noqa: PLR2004 - the longest way to write one
        return None
    try:
        return UUID(value)
    except ValueError:
        return None


def _text(value: object, most: int) -> str | None:
    if not isinstance(value, str):
        return None
    text = value.strip()
    return text if 0 < len(text) <= most else None
