"""What becomes of the messages that are no tasks: each is answered with a type of its own."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from unit.examples.endings import payload_of, reason_of

from examples.pictures import ResizeImage
from messages import (
    BatchPayload,
    CompactMessage,
    DocumentPayload,
    ErrorPayload,
    HeartbeatPayload,
    SecurityLevel,
    TaskResponsePayload,
    TaskResult,
    TaskStatus,
    ValidationContext,
)
from workers.outcome import Replied
from workers.testing import Rehearsal, agent

if TYPE_CHECKING:
    from messages import Payload


async def test_resize_image_is_answered_with_another_type(rehearsal: Rehearsal) -> None:
    """A pair of message types that only the examples have travels like the shipped ones."""
    asked = ResizeImage(url="https://pictures.example/hare.jpg", width=640)
    payload = payload_of(await rehearsal.message(asked))
    assert payload["message_type"] == "image_resized"
    assert payload["url"] == "https://pictures.example/hare.jpg?w=640"


async def test_resize_image_rejects_what_is_too_wide(rehearsal: Rehearsal) -> None:
    """A picture of 8000 pixels is taken, and one more is rejected."""
    wide = ResizeImage(url="https://pictures.example/hare.jpg", width=8_000)
    assert isinstance(await rehearsal.message(wide), Replied)
    wider = ResizeImage(url="https://pictures.example/hare.jpg", width=8_001)
    assert reason_of(await rehearsal.message(wider)) == "wider than 8000 px"


async def test_a_document_is_answered_with_a_receipt(rehearsal: Rehearsal) -> None:
    """The receipt has the content's hash and figures, and not the content."""
    fields = {
        "document_id": uuid4(),
        "title": "On hares",
        "content": "Größer.\nSchneller.",
        "classification": "public",
    }
    sent = DocumentPayload.model_validate(
        {"document": fields}, context=ValidationContext(security_level=SecurityLevel.PUBLIC)
    )
    payload = payload_of(await rehearsal.message(sent))
    assert payload["message_type"] == "document_receipt"
    assert payload["document_id"] == str(fields["document_id"])
    assert payload["sha256"] == hashlib.sha256("Größer.\nSchneller.".encode()).hexdigest()
    assert (payload["characters"], payload["lines"]) == (18, 2)


async def test_a_batch_is_answered_with_its_figures(rehearsal: Rehearsal) -> None:
    """The summary counts the messages in all and of each type."""
    messages = [
        CompactMessage(msg_id=number, msg_type=kind, payload={})
        for number, kind in ((1, "req"), (2, "req"), (2, "notif"))
    ]
    batch = BatchPayload(batch_id=9, count=3, messages=messages)
    payload = payload_of(await rehearsal.message(batch))
    assert payload["message_type"] == "batch_summary"
    assert payload["by_type"] == {"notif": 1, "req": 2}
    assert (payload["batch_id"], payload["count"], payload["distinct_ids"]) == (9, 3, 2)


OBSERVED = [
    HeartbeatPayload(agent_status=agent(), metrics={"load": 0.5}),
    ErrorPayload(error_code="timeout", error_message="too slow", original_message_id=uuid4()),
    TaskResponsePayload(
        response=TaskResult(
            task_id=uuid4(), status=TaskStatus.COMPLETED, completion_time=datetime.now(UTC)
        )
    ),
]


@pytest.mark.parametrize("payload", OBSERVED, ids=lambda payload: payload.message_type)
async def test_what_only_tells_something_needs_no_answer(
    rehearsal: Rehearsal, payload: Payload
) -> None:
    """Heartbeats, errors and results end without an answer unless the sender asks for one."""
    quiet = await rehearsal.message(payload, reply_to=None)
    assert isinstance(quiet, Replied)
    assert quiet.answer is None
    asked = payload_of(await rehearsal.message(payload))
    assert asked["message_type"] == "task_response"
