"""Envelope: who, what, where to answer."""

from __future__ import annotations

from uuid import UUID

import pytest
from writing import (
    ENVELOPE_ID,
    accepted,
    envelope,
    heartbeat,
    refused,
    task,
    without,
    written,
    wrong,
)

from messages import ErrorCode


def test_what_is_left_out_has_its_default() -> None:
    """Id, ttl, version and timestamp may be absent; nobody is asked and nothing is answered."""
    message = accepted(without(task(), "envelope_id"))
    assert message.envelope_id.version == 4
    assert message.ttl == 30
    assert message.version == "1.0.0"
    assert message.timestamp.utcoffset() is not None
    assert (message.correlation_id, message.reply_to, message.target_agent) == (None, None, None)


def test_what_is_given_is_kept() -> None:
    """Ids are UUIDs however they are written."""
    message = accepted(
        task()
        | {
            "envelope_id": ENVELOPE_ID.upper(),
            "correlation_id": f"urn:uuid:{ENVELOPE_ID}",
            "target_agent": "b",
        }
    )
    assert message.envelope_id == message.correlation_id == UUID(ENVELOPE_ID)
    assert message.target_agent == "b"


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("envelope_id", "7", "uuid_parsing"),
        ("envelope_id", None, "uuid_type"),
        ("correlation_id", "abc", "uuid_parsing"),
        ("reply_to", 7, "string_type"),
        ("reply_to", "x" * 256, "string_too_long"),
        ("ttl", 0, "greater_than_equal"),
        ("ttl", 301, "less_than_equal"),
        ("ttl", 1.5, "int_from_float"),
        ("ttl", "soon", "int_parsing"),
        ("ttl", None, "int_type"),
        ("source_agent", "me", "model_type"),
        ("target_agent", 7, "string_type"),
        ("target_agent", "", "string_too_short"),
        ("timestamp", "yesterday", "datetime_from_date_parsing"),
        ("unheard_of", 1, "extra_forbidden"),
    ],
)
def test_a_wrong_field_is_refused_by_its_own_error(field: str, value: object, kind: str) -> None:
    """All of them make the envelope invalid, not the payload."""
    invalid = refused(task() | {field: value})
    assert invalid.code is ErrorCode.INVALID_ENVELOPE
    assert [(one.field_path, one.error_type) for one in invalid.errors] == [(field, kind)]


@pytest.mark.parametrize("field", ["message_type", "source_agent", "payload"])
def test_what_an_envelope_must_have_is_required(field: str) -> None:
    """There is no default for what and from whom."""
    assert (field, "missing") in wrong(without(task(), field))


def test_the_two_message_types_must_be_the_same() -> None:
    """A router reads one, the validation the other."""
    assert wrong(task() | {"message_type": "heartbeat"}) == [("", "message_type_mismatch")]


@pytest.mark.parametrize("payload", [{"message_type": "teleport"}, {"message_type": "Heartbeat"}])
def test_an_unknown_type_is_told_with_those_that_are_known(payload: dict[str, object]) -> None:
    """And without repeating the one that came."""
    invalid = refused(envelope(payload))
    assert invalid.code is ErrorCode.UNKNOWN_MESSAGE_TYPE
    assert invalid.errors[0].pointer == "/payload/message_type"
    assert "'task_request'" in invalid.errors[0].message
    assert str(payload["message_type"]) not in str(invalid.errors)


@pytest.mark.parametrize("tag", [None, 7, [], {}, True])
def test_a_discriminator_that_is_no_text_is_refused(tag: object) -> None:
    """Nothing is guessed."""
    invalid = refused(heartbeat() | {"payload": {"message_type": tag}})
    assert invalid.code in {ErrorCode.INVALID_PAYLOAD, ErrorCode.UNKNOWN_MESSAGE_TYPE}
    assert invalid.errors[0].field_path == "payload.message_type"


@pytest.mark.parametrize("body", [b"7", b'"text"', b"null", b"true", b"[1]", b"[]"])
def test_a_document_that_is_no_object_is_no_envelope(body: bytes) -> None:
    """It is JSON, and no message."""
    assert refused(body).code is ErrorCode.INVALID_ENVELOPE


def test_a_refused_message_still_tells_who_asked() -> None:
    """As far as that has the right form."""
    message = task(priority=99) | {
        "correlation_id": ENVELOPE_ID,
        "reply_to": "agent://asker/answers",
    }
    known = refused(written(message)).salvage
    assert known is not None
    assert known.envelope_id == known.correlation_id == UUID(ENVELOPE_ID)
    assert known.reply_to == "agent://asker/answers"
    assert (known.sender_id, known.message_type, known.task_type) == (
        "asker",
        "task_request",
        "echo",
    )


def test_a_message_that_is_no_number_still_tells_who_asked() -> None:
    """NaN does not hide the rest of the document."""
    body = written(task() | {"reply_to": "answers"}).replace(b'"hello"', b"NaN")
    invalid = refused(body)
    assert invalid.code is ErrorCode.INVALID_JSON
    assert invalid.salvage is not None
    assert invalid.salvage.reply_to == "answers"


@pytest.mark.parametrize(
    "facts", [{"reply_to": "x" * 300}, {"reply_to": 7}, {"envelope_id": "7"}, {"source_agent": 1}]
)
def test_what_has_not_the_right_form_is_not_salvaged(facts: dict[str, object]) -> None:
    """An answer goes nowhere rather than anywhere."""
    known = refused(task() | facts | {"ttl": 0}).salvage
    assert known is not None
    field = {"source_agent": "sender_id"}.get(*facts, *facts)
    assert getattr(known, field) is None
