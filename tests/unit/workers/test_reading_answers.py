"""An answer says why its message was not done, whoever wrote it and in whichever form."""

from __future__ import annotations

from typing import Any

import pytest

from workers.answering.reading import NotDone, not_done

DETAILS = {
    "errors": [{"pointer": "/payload/x", "message": "is missing"}, "no error", {"pointer": 7}],
    "error_count": 5,
    "retryable": True,
    "dead_letter_id": "abc",
}
ALL = NotDone(
    "invalid_payload", "it does not fit", (("/payload/x", "is missing"), ("7", "")), 5, True, "abc"
)
SAID = {"error_code": "invalid_payload", "error_message": "it does not fit"}


@pytest.mark.parametrize(
    "answer",
    [
        {"message_type": "error", "payload": SAID | {"error_details": DETAILS}},
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "data": SAID | DETAILS}},
    ],
    ids=["envelope", "json-rpc"],
)
def test_code_reason_and_places_are_told(answer: Any) -> None:
    """With the count of what an answer has no room for, and the letter that was kept."""
    assert not_done(answer) == ALL


def test_a_call_that_nobody_knows_has_a_number_and_a_reason() -> None:
    """As JSON-RPC itself tells errors."""
    told = not_done({"jsonrpc": "2.0", "error": {"code": -32601, "message": "no such method"}})
    assert told == NotDone("-32601", "no such method")


def test_a_task_that_ended_otherwise_says_how() -> None:
    """An answer of the type of results is none of success by that."""
    response = {"status": "timeout", "error_details": "took too long"}
    answer = {"message_type": "task_response", "payload": {"response": response}}
    assert not_done(answer) == NotDone("timeout", "took too long")


@pytest.mark.parametrize("answer", [None, 7, "text", []])
def test_what_is_no_answer_is_no_success(answer: Any) -> None:
    """It says so in words."""
    told = not_done(answer)
    assert told is not None
    assert "no answer" in told.reason


@pytest.mark.parametrize(
    "strange",
    [
        {"message_type": "error"},
        {"message_type": "error", "payload": [1]},
        {"message_type": "error", "payload": {"error_details": {"errors": {"a": 1}}}},
        {"message_type": "error", "payload": {"error_details": {"error_count": "many"}}},
        {"jsonrpc": "2.0", "error": "no"},
        {"jsonrpc": "2.0", "error": None},
    ],
)
def test_an_error_in_a_strange_form_is_still_one(strange: Any) -> None:
    """Whoever answers may write what they like."""
    told = not_done(strange)
    assert told is not None
    assert told.errors == ()


@pytest.mark.parametrize(
    "good",
    [
        {"message_type": "task_response", "payload": {"response": {"status": "completed"}}},
        {"message_type": "image_resized", "payload": {"url": "u"}},
        {"jsonrpc": "2.0", "id": 1, "result": {}},
    ],
)
def test_what_was_done_is_no_error(good: Any) -> None:
    """In each form."""
    assert not_done(good) is None
