"""An answer as its asker reads it: was it done, and if not, why and where. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

#: The one status of a task that says it was done.
_DONE = "completed"


class NotDone(NamedTuple):
    """What an answer says of a message that was not done; a stranger wrote all of it."""

    #: Empty where the answer names none.
    code: str
    reason: str
    #: Pointer and message of each thing that was wrong with the message.
    errors: tuple[tuple[str, str], ...] = ()
    #: How many there were; an answer tells the first.
    error_count: int = 0
    #: Whether the same message may pass another time.
    retryable: bool = False
    #: Empty where no letter was kept.
    letter_id: str = ""


def not_done(answer: Any) -> NotDone | None:
    """Return why the message was not done, or None where it was.

    `answer` is an envelope or a JSON-RPC response, as parsed JSON.
    """
    if not isinstance(answer, dict):
        return NotDone("", "What came back is no answer: it is neither an envelope nor JSON-RPC.")
    if "jsonrpc" in answer:
        if "error" not in answer:
            return _unfinished(answer.get("result"))
        error = _mapping(answer["error"])
        told = _mapping(error.get("data"))
        short = {"error_code": error.get("code"), "error_message": error.get("message")}
        return _told(short | told, told)
    payload = _mapping(answer.get("payload"))
    if answer.get("message_type") == "error":
        return _told(payload, _mapping(payload.get("error_details")))
    return _unfinished(payload)


def _told(said: dict[str, Any], details: dict[str, Any]) -> NotDone:
    found = details.get("errors")
    errors = tuple(
        (_text(one.get("pointer")), _text(one.get("message")))
        for one in (found if isinstance(found, list) else ())
        if isinstance(one, dict)
    )
    count = details.get("error_count")
    return NotDone(
        _text(said.get("error_code")),
        _text(said.get("error_message")),
        errors,
        max(count, len(errors)) if isinstance(count, int) else len(errors),
        details.get("retryable") is True,
        _text(details.get("dead_letter_id")),
    )


def _unfinished(payload: Any) -> NotDone | None:
    """Return what a task's result says, unless it says that the task was completed."""
    response = _mapping(_mapping(payload).get("response"))
    status = response.get("status", _DONE)
    if status == _DONE:
        return None
    return NotDone(_text(status), _text(response.get("error_details")))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return "" if value is None else str(value)
