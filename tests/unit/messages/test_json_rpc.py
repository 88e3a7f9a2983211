"""A message in JSON-RPC and back is the same message."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from messages import (
    SHIPPED_PAYLOADS,
    BatchPayload,
    Catalog,
    CompactMessage,
    Envelope,
    ErrorPayload,
    HeartbeatPayload,
    InvalidMessage,
    Payload,
    TaskRequest,
    TaskRequestPayload,
)
from messages.json_rpc import from_json_rpc, to_json_rpc
from workers.testing import agent

if TYPE_CHECKING:
    from collections.abc import Callable

CATALOG = Catalog(SHIPPED_PAYLOADS)

PAYLOADS: dict[str, Callable[[], Payload]] = {
    "task_request": lambda: TaskRequestPayload(
        request=TaskRequest(task_type="echo", budget=Decimal("12.34"), parameters={"a": [1.5]}),
        execution_context={"x": None},
    ),
    "heartbeat": lambda: HeartbeatPayload(agent_status=agent("b"), metrics={"load": 0.5}),
    "error": lambda: ErrorPayload(error_code="x", error_message="y", original_message_id=uuid4()),
    "batch": lambda: BatchPayload(
        batch_id=1,
        count=1,
        messages=[CompactMessage(msg_id=1, msg_type="req", payload={}, headers=[("a", "b")])],
    ),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_message_survives_json_rpc_and_back(name: str) -> None:
    """Reply address, ttl, target and correlation included."""
    payload = PAYLOADS[name]()
    message = Envelope(
        message_type=name,
        payload=payload,
        source_agent=agent("a"),
        reply_to="agent://a/box",
        ttl=77,
        target_agent="z",
        correlation_id=uuid4(),
        version="1.0.0",
    )
    request = to_json_rpc(message)
    assert json.loads(json.dumps(request)) == request
    back = from_json_rpc(request, CATALOG)
    if name != "batch":
        assert back == message
    again = to_json_rpc(back)
    assert again == request


def test_what_is_no_request_is_refused_with_its_place() -> None:
    """The error speaks of the call."""
    with pytest.raises(InvalidMessage) as refused:
        from_json_rpc({"jsonrpc": "2.0", "method": "error", "params": {}, "id": 1}, CATALOG)
    assert refused.value.errors[0].field_path == "params.error_code"
