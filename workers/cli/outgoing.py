"""What a body says about how it is to be sent: routing key, content type, where its answer goes.

Nothing is changed and nothing refused: a bad message is the worker's to judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID, uuid4

import orjson

from messages import (
    AgentMetadata,
    AgentRole,
    Envelope,
    TaskRequest,
    TaskRequestPayload,
    encode,
    normalize_task_type,
)
from topology import NameRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from topology import Names

#: From this priority on a message goes to the urgent queue.
URGENT_FROM: Final = 8
#: Names the type of a body that does not tell one.
UNKNOWN: Final = "unknown"
JSON: Final = "application/json"
JSON_RPC: Final = "application/json-rpc"
#: An address of the asking channel alone; another one may stand in its place.
_DIRECT: Final = "amq.rabbitmq.reply-to"


class Outgoing(NamedTuple):
    """One message on its way out, and what may come back for it."""

    body: bytes
    routing_key: str
    message_type: str
    content_type: str = JSON
    #: Where the message itself wants its answer; None: we may say where.
    reply_to: str | None = None
    #: The id that its answer will carry, where the message says so itself.
    correlation_id: str | None = None
    #: What the answer is known by if we choose.
    suggested_id: str | None = None
    #: False for a notification, which is never answered.
    answered: bool = True

    @property
    def own_correlation(self) -> str:
        """Return the id to know its answer by; another one each time where any will do."""
        return self.correlation_id or self.suggested_id or str(uuid4())


class Task(NamedTuple):
    """A task as the command line describes it, with what the protocol has where it says nothing."""

    task_type: str = ""
    parameters: Mapping[str, Any] = {}
    priority: int = 5
    budget: str = "0"
    #: Seconds, of the envelope.
    ttl: int = 30


def outgoing(body: bytes, names: Names, *, routing_key: str | None = None) -> Outgoing:
    """Return how these bytes are to be sent; the key is derived from them unless it is given."""
    document = _read(body)
    if _is_rpc(document):
        told = _of_rpc(document)
    elif isinstance(document, dict):
        told = _of_envelope(document)
    else:
        told = _Told()
    message_type = told.message_type
    try:
        key = names.request_key(message_type, told.task_type, urgent=told.urgent)
    except NameRefused:
        key = message_type = UNKNOWN
    return Outgoing(
        body,
        key if routing_key is None else routing_key,
        message_type,
        JSON_RPC if _is_rpc(document) else JSON,
        told.reply_to,
        told.correlation_id,
        told.suggested_id,
        told.answered,
    )


def task_message(task: Task, agent_id: str) -> bytes:
    """Return a task request as an envelope; raises pydantic's ValidationError for a misfit."""
    request = TaskRequest(
        task_type=task.task_type,
        priority=task.priority,
        budget=task.budget,
        parameters=dict(task.parameters),
    )
    payload = TaskRequestPayload(request=request)
    return encode(
        Envelope(
            message_type=payload.message_type,
            payload=payload,
            source_agent=_sender(agent_id),
            ttl=task.ttl,
        )
    )


def payload_message(
    message_type: str, content: Mapping[str, Any], *, ttl: int, agent_id: str
) -> bytes:
    """Return an envelope around content whose model only the worker knows."""
    return orjson.dumps(
        {
            "envelope_id": str(uuid4()),
            "message_type": message_type,
            "ttl": ttl,
            "source_agent": _sender(agent_id).model_dump(mode="json"),
            "payload": {"message_type": message_type, **content},
        }
    )


def _sender(agent_id: str) -> AgentMetadata:
    return AgentMetadata(
        agent_id=agent_id,
        role=AgentRole.COORDINATOR,
        capabilities=("coordination", "task_distribution"),
        load_factor=0.0,
    )


class _Told(NamedTuple):
    """What a body says about itself."""

    message_type: str = UNKNOWN
    task_type: str | None = None
    urgent: bool = False
    reply_to: str | None = None
    correlation_id: str | None = None
    suggested_id: str | None = None
    answered: bool = True


def _of_envelope(document: Mapping[str, Any]) -> _Told:
    payload = _object(document.get("payload"))
    own = document.get("reply_to")
    return _Told(
        _text(payload.get("message_type")) or _text(document.get("message_type")) or UNKNOWN,
        *_task(payload),
        _text(own) if own != _DIRECT else None,
        _uuid(document.get("correlation_id")),
        _uuid(document.get("envelope_id")),
    )


def _of_rpc(document: Any) -> _Told:
    """Return what a JSON-RPC request says; a batch is sent by its first one."""
    if isinstance(document, list):
        first = next((one for one in document if isinstance(one, dict)), {})
        answered = any(not isinstance(one, dict) or "id" in one for one in document)
        return _of_rpc(first)._replace(answered=answered, suggested_id=None)
    return _Told(
        _text(document.get("method")) or UNKNOWN,
        *_task(_object(document.get("params"))),
        suggested_id=_uuid(document.get("id")),
        answered="id" in document or "method" not in document,
    )


def _task(payload: Mapping[str, Any]) -> tuple[str | None, bool]:
    """Return the task type, and whether the priority makes it urgent."""
    request = _object(payload.get("request"))
    task_type, priority = _text(request.get("task_type")), request.get("priority")
    return (
        normalize_task_type(task_type) if task_type else None,
        isinstance(priority, int) and not isinstance(priority, bool) and priority >= URGENT_FROM,
    )


def _is_rpc(document: object) -> bool:
    if isinstance(document, list):
        return any(isinstance(one, dict) and "jsonrpc" in one for one in document)
    return isinstance(document, dict) and "jsonrpc" in document


def _read(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        return None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _uuid(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return str(UUID(value))
    except ValueError:
        return None
