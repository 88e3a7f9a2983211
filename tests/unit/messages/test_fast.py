"""Messages for the fast lanes: concrete, lean, unknown fields ignored."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError
from writing import compact

from messages import CompactMessage, HighSpeedMessage, OptimizedMessage


def test_a_compact_message_ignores_what_it_does_not_know() -> None:
    """Unknown fields are neither kept nor refused."""
    message = CompactMessage.model_validate(compact(3, extra=1, headers=[["a", "b"]]))
    assert message.model_dump() == {
        "msg_id": 3,
        "msg_type": "req",
        "payload": {"n": 3},
        "headers": [("a", "b")],
    }


@pytest.mark.parametrize(
    "others",
    [{"msg_type": "request"}, {"msg_id": "x"}, {"payload": []}, {"headers": [["a", "b", "c"]]}],
)
def test_a_compact_message_keeps_its_types(others: dict[str, object]) -> None:
    """Lean does not mean loose."""
    with pytest.raises(ValidationError):
        CompactMessage.model_validate(compact() | others)


@pytest.mark.parametrize("kind", ["request", "response", "notification"])
def test_the_content_length_is_computed_where_it_is_not_given(kind: str) -> None:
    """Bytes of the payload as JSON."""
    message = OptimizedMessage.model_validate(
        {"message_type": kind, "payload": {"a": "é"}, "unknown": 1}
    )
    assert message.content_length == len('{"a":"é"}'.encode())


def test_a_given_content_length_is_believed() -> None:
    """It is the sender's, and never below zero."""
    given = {"message_type": "request", "payload": {}, "content_length": 99}
    assert OptimizedMessage.model_validate(given).content_length == 99
    with pytest.raises(ValidationError, match="greater_than_equal"):
        OptimizedMessage.model_validate(given | {"content_length": -1})


def test_numbers_of_any_size_can_be_measured() -> None:
    """What JSON allows never raises anything else than a validation error."""
    message = OptimizedMessage.model_validate_json(
        b'{"message_type":"request","payload":{"a":' + b"9" * 40 + b"}}"
    )
    assert message.content_length == len('{"a":}') + 40


def test_a_high_speed_message_is_a_plain_dictionary() -> None:
    """Validated, and nothing made of it."""
    adapter = TypeAdapter(HighSpeedMessage)
    body = b'{"msg_id":1,"msg_type":"t","data":{},"timestamp":1.5,"more":2}'
    assert adapter.validate_json(body) == {
        "msg_id": 1,
        "msg_type": "t",
        "data": {},
        "timestamp": 1.5,
    }
