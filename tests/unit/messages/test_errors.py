"""Errors as they are told: complete, bounded, useful, and free of the sender's values."""

from __future__ import annotations

import json
from typing import Annotated, Any

import orjson
import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, field_validator
from writing import agent, batch, envelope, heartbeat, refused, task, written

from messages import (
    SHIPPED_PAYLOADS,
    Catalog,
    ErrorCode,
    InvalidMessage,
    Payload,
    ValidationContext,
    decode_parameters,
    format_errors,
)
from messages.errors import MOST_BYTES
from messages.wording import words

SECRET = "hunter2-TOP-secret"


class Picky(Payload, type="picky"):
    """Complains in its own words, and quotes."""

    code: str = ""
    pair: dict[str, int] = {}
    deep: list[dict[str, Picky]] = []

    @field_validator("code")
    @classmethod
    def _quoting(cls, code: str) -> str:
        if code:
            raise ValueError(f"{code} is not a code")
        return code


CATALOG = Catalog([*SHIPPED_PAYLOADS, Picky])


def told(invalid: InvalidMessage) -> str:
    """Return everything a sender is told."""
    return json.dumps([one._asdict() for one in invalid.errors]) + invalid.reason


@pytest.mark.parametrize(
    "message",
    [
        task(priority=SECRET, budget=SECRET, callback_url=SECRET, deadline=SECRET),
        task(task_type=SECRET + "!", task_id=SECRET, parameters=SECRET),
        task() | {"envelope_id": SECRET, "ttl": SECRET, "version": SECRET, "timestamp": SECRET},
        task() | {"source_agent": agent(role=SECRET, load_factor=SECRET, capabilities=SECRET)},
        task() | {"message_type": SECRET},
        envelope({"message_type": SECRET}),
        envelope({"message_type": "picky", "code": SECRET, "pair": {"a": SECRET}}),
        batch({"msg_type": SECRET, "msg_id": SECRET, "payload": SECRET, "headers": SECRET}),
        heartbeat(metrics={"a": SECRET}),
        SECRET,
    ],
)
def test_no_value_of_the_senders_is_told(message: Any) -> None:
    """Whatever kind of error it is, and whoever found it."""
    invalid = refused(written(message), catalog=CATALOG)
    assert SECRET not in told(invalid)
    assert invalid.errors


@pytest.mark.parametrize(
    "body",
    [b'{"a":"' + SECRET.encode() + b'"', SECRET.encode(), b'{"a":"' + SECRET.encode() + b'"}{}'],
)
def test_no_part_of_what_is_no_json_is_told(body: bytes) -> None:
    """Not even where the parser stopped."""
    invalid = refused(body)
    assert invalid.code is ErrorCode.INVALID_JSON
    assert SECRET not in told(invalid)


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("colour", "colour"),
        ("a\nb", "a\\nb"),
        ('a"b', 'a"b'),
        ("__class__", "__class__"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\u202eb", "a\\u202eb"),
        ("k" * 1_000, "k" * 79 + "…"),
    ],
)
def test_an_unknown_key_is_told_escaped_and_cut(key: str, shown: str) -> None:
    """It helps to find it, and can do no harm in a log."""
    error = refused(task() | {key: 1}).errors[0]
    assert (error.field_path, error.error_type) == (shown, "extra_forbidden")


def test_a_pointer_escapes_what_pointers_must() -> None:
    """RFC 6901."""
    error = refused(task() | {"a/b~c": 1}).errors[0]
    assert error.pointer == "/a~1b~0c"


def test_a_place_is_where_the_document_has_it() -> None:
    """Without the names the library gives to the members of a union."""
    picky = {"message_type": "picky", "deep": [{"x": {"pair": {"picky": "no"}}}]}
    invalid = refused(written(envelope(picky)), catalog=CATALOG)
    assert [one.pointer for one in invalid.errors] == ["/payload/deep/0/x/pair/picky"]


@pytest.mark.parametrize("count", [1, 19, 20, 21, 400, 5_000])
def test_the_true_count_is_always_told(count: int) -> None:
    """At most twenty of them one by one."""
    bad = batch(*[{"msg_type": "req", "payload": {}}] * count)
    invalid = refused(bad)
    assert invalid.error_count == count
    assert 1 <= len(invalid.errors) <= 20
    assert (f"{count - 1} more" in invalid.reason) is (count > 1)


@pytest.mark.parametrize("key", ["k" * 500, "\u00e9" * 500, '"' * 500, "\x00" * 500, "/~" * 300])
def test_all_of_them_fit_into_8_kib(key: str) -> None:
    """However long the keys are, and however they are escaped."""
    bad = task() | {f"{number}{key}": 1 for number in range(300)}
    invalid = refused(bad)
    assert invalid.error_count == 300
    assert len(orjson.dumps([one._asdict() for one in invalid.errors])) <= MOST_BYTES
    assert len(invalid.reason) < 1_000


def test_deep_places_are_cut() -> None:
    """A path is for reading."""
    deep: Any = {"code": "x"}
    for _ in range(25):
        deep = {"deep": [{"k" * 70: deep}]}
    invalid = refused(written(envelope({"message_type": "picky", **deep})), catalog=CATALOG)
    assert len(invalid.errors[0].field_path) <= 300


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (task(priority=0), "must be 1 or more"),
        (task(priority=11), "must be 10 or less"),
        (task(priority="5"), "must be a whole number, without quotes"),
        (task(task_type="a b"), "a task type is 1 to 100 letters, digits, '_' or '-'"),
        (task(parameters={"a": "x" * 10_001}), "at most 10000 characters are allowed"),
        (task() | {"envelope_id": "7"}, "must be a UUID such as"),
        (task() | {"timestamp": "x"}, "must be an instant such as 2026-01-31T12:00:00Z"),
        (task() | {"source_agent": {}}, "this field is required"),
        (task() | {"new": 1}, "this field is not known here"),
        (task() | {"source_agent": agent(role="x")}, "must be 'coordinator', 'worker'"),
        (batch({"msg_type": "x"}), "must be 'req', 'resp' or 'notif'"),
        (envelope({"message_type": "x"}), "known are: 'task_request'"),
        (envelope({"message_type": "picky", "code": "x"}), "the value is not allowed here"),
    ],
)
def test_it_is_told_what_was_expected(message: Any, text: str) -> None:
    """In words of our own."""
    invalid = refused(written(message), catalog=CATALOG)
    assert any(text in one.message for one in invalid.errors), invalid.errors


@pytest.mark.parametrize(
    "row",
    [
        {"type": "string_too_long", "msg": SECRET, "ctx": {}},
        {"type": "string_too_long", "msg": SECRET},
        {"type": "union_tag_invalid", "msg": SECRET, "ctx": {"tag": SECRET}},
        {"type": "value_error", "msg": SECRET, "ctx": {"error": SECRET}},
        {"type": "literal_error", "msg": SECRET, "ctx": None},
    ],
)
def test_a_text_that_lacks_a_value_never_raises(row: dict[str, Any]) -> None:
    """And falls back to nothing that may quote."""
    assert SECRET not in words(row)


def test_trying_again_helps_only_where_time_does() -> None:
    """Maintenance ends; a misspelt field stays misspelt."""
    from messages import BusinessRules  # noqa: PLC0415 - for this test only

    class Change(Payload, BusinessRules, type="change"):
        operation: str

    catalog = Catalog([*SHIPPED_PAYLOADS, Change])
    body = written(envelope({"message_type": "change", "operation": "create"}))
    passing = refused(body, ValidationContext(maintenance=True), catalog)
    assert passing.retryable
    assert not refused(task(priority=0)).retryable
    assert not refused(b"{").retryable


def test_parameters_are_told_below_their_place() -> None:
    """With the same words and bounds."""

    class Train(BaseModel):
        epochs: Annotated[int, Field(gt=0)]
        layers: list[int]

    adapter = TypeAdapter(Train)
    with pytest.raises(InvalidMessage) as caught:
        decode_parameters(
            adapter, {"epochs": 0, "layers": ["x"] * 30_000}, prefix=("payload", "request")
        )
    assert caught.value.error_count == 30_001
    assert [one.field_path for one in caught.value.errors] == [
        "payload.request.epochs",
        "payload.request.layers.0",
    ]


def test_errors_of_a_model_can_be_told_without_a_message() -> None:
    """For a program that validates on its own."""
    with pytest.raises(ValidationError) as caught:
        Picky.model_validate({"code": SECRET, "pair": {"a": "b"}})
    errors, count = format_errors(caught.value, prefix=("payload",))
    assert count == 2
    assert [one.field_path for one in errors] == ["payload.code", "payload.pair.a"]
