"""TaskRequest and TaskResult."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError
from writing import TASK_ID, accepted, result, task, without, wrong

from messages import TaskRequest, TaskResult, ValidationContext, encode

LONG = "x" * 10_001


def request(**others: Any) -> Any:
    """Return the request of an accepted task."""
    return accepted(task(**others)).payload.request


def misfits(**others: Any) -> list[tuple[str, str]]:
    """Return what is wrong with a request, told from it."""
    prefix = "payload.request"
    return [(path[len(prefix) :].strip("."), kind) for path, kind in wrong(task(**others))]


def test_only_the_task_type_must_be_given() -> None:
    """The rest has its default."""
    bare = TaskRequest(task_type="echo")
    assert isinstance(bare.task_id, UUID)
    assert (bare.priority, bare.budget, bare.callback_url) == (5, Decimal("0.00"), None)
    assert (bare.parameters, bare.deadline) == ({}, None)
    message = task()
    message["payload"]["request"] = {}
    assert wrong(message) == [("payload.request.task_type", "missing")]


@pytest.mark.parametrize("name", ["Echo", " echo\n", "e_c-h0", "x" * 100])
def test_a_task_type_is_taken_in_lower_case(name: str) -> None:
    """White space around it does not count."""
    assert request(task_type=name).task_type == name.strip().lower()


@pytest.mark.parametrize("name", ["", " ", "a b", "a.b", "é", "x" * 101, "a\nb", 7, None, "a/b"])
def test_another_task_type_is_refused_by_its_own_error(name: object) -> None:
    """Strict string, letters, digits, `_`, `-`, 1 to 100."""
    assert misfits(task_type=name) == [("task_type", "invalid_task_type")]


@pytest.mark.parametrize(
    ("priority", "kind"),
    [
        (0, "greater_than_equal"),
        (11, "less_than_equal"),
        ("5", "int_type"),
        (5.0, "int_type"),
        (True, "int_type"),
        (None, "int_type"),
    ],
)
def test_a_priority_is_a_whole_number_from_1_to_10(priority: object, kind: str) -> None:
    """Strictly."""
    assert misfits(priority=priority) == [("priority", kind)]


@pytest.mark.parametrize(
    ("budget", "cents"),
    [
        (12, "12.00"),
        (12.345, "12.35"),
        (0.1, "0.10"),
        ("12.5", "12.50"),
        (" 7 ", "7.00"),
        ("0.005", "0.01"),
        ("-0", "0.00"),
        ("1e2", "100.00"),
        (10**15, "1000000000000000.00"),
    ],
)
def test_a_budget_is_rounded_to_cents(budget: object, cents: str) -> None:
    """From whole numbers, floats and texts."""
    assert str(request(budget=budget).budget) == cents


def test_a_budget_is_taken_from_a_decimal_too() -> None:
    """A program hands it over as it has it."""
    assert str(TaskRequest(task_type="echo", budget=Decimal("1.005")).budget) == "1.01"


@pytest.mark.parametrize(
    ("budget", "kind"),
    [
        (-0.01, "greater_than_equal"),
        ("-1", "greater_than_equal"),
        ("much", "decimal_parsing"),
        ("", "decimal_parsing"),
        ("NaN", "finite_number"),
        ("sNaN", "finite_number"),
        ("Infinity", "finite_number"),
        ("1e999999", "less_than_equal"),
        (10**15 + 1, "less_than_equal"),
        (True, "decimal_type"),
        (None, "decimal_type"),
        ([], "decimal_type"),
        ({}, "decimal_type"),
        ("9" * 10_001, "string_too_long"),
    ],
)
def test_what_is_no_budget_is_refused(budget: object, kind: str) -> None:
    """Below zero, beyond all bounds, no number, no finite one."""
    assert misfits(budget=budget) == [("budget", kind)]


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("agent://bot/answers", "agent://bot/answers"),
        ("agent://bot/", "agent://bot/"),
        ("https://x.example/", "https://x.example"),
        ("http://x.example/a/", "http://x.example/a"),
        ("HTTPS://X.example:8443/a?b=c/", "HTTPS://X.example:8443/a?b=c"),
        ("http://x.example//", "http://x.example"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        (None, None),
    ],
)
def test_a_callback_is_kept_without_its_trailing_slash(url: str | None, kept: str | None) -> None:
    """An agent's address as it is."""
    assert request(callback_url=url).callback_url == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x.example",
        "ftp://x.example",
        "http://",
        "http:///a",
        "http://x.example:99999",
        "http://a b.example",
        "http://x.example/a\u202eb",
        "javascript:alert(1)",
        "http:x.example",
        "http://[::1",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_callback_is_refused(url: str) -> None:
    """By an error type of its own."""
    assert misfits(callback_url=url) == [("callback_url", "invalid_callback_url")]


def test_a_text_of_10_000_characters_is_taken() -> None:
    """The longest one, wherever it stands; a character may be several bytes."""
    assert request(parameters={"a": ["é" * 10_000]}).parameters["a"] == ["é" * 10_000]


@pytest.mark.parametrize(
    ("others", "path"),
    [
        ({"parameters": {"a": LONG}}, "parameters.a"),
        ({"parameters": {"a": [1, {"b": LONG}]}}, "parameters.a.1.b"),
        ({"parameters": {"a": [{LONG: 1}]}}, "parameters.a.0"),
        ({"callback_url": f"http://x.example/{LONG}"}, "callback_url"),
    ],
)
def test_a_longer_text_is_refused_wherever_it_stands(others: dict[str, Any], path: str) -> None:
    """Inside the parameters too, and the place is told."""
    assert misfits(**others) == [(path, "string_too_long")]


@pytest.mark.parametrize("parameters", [None, [], "text", 7])
def test_parameters_are_an_object(parameters: object) -> None:
    """Named, always."""
    assert misfits(parameters=parameters) == [("parameters", "dict_type")]


def test_a_deadline_is_in_the_future() -> None:
    """A naive one is UTC."""
    soon = datetime.now(UTC) + timedelta(hours=1)
    assert request(deadline=soon.replace(tzinfo=None).isoformat()).deadline == soon
    assert misfits(deadline="2020-01-01T00:00:00Z") == [("deadline", "deadline_passed")]
    with pytest.raises(ValidationError, match="future"):
        TaskRequest(task_type="echo", deadline=datetime.now(UTC))


def test_a_worker_finds_a_task_late_and_not_wrong() -> None:
    """A deadline that passed while the message waited is the pipeline's to tell: `expired`."""
    late = task(deadline="2020-01-01T00:00:00Z")
    assert accepted(late, ValidationContext()).payload.request.deadline.year == 2020


@pytest.mark.parametrize(("priority", "budget"), [(8, "999.99"), (9, 0), (10, "10")])
def test_a_high_priority_needs_a_budget(priority: int, budget: object) -> None:
    """Together, by an error of their own."""
    assert misfits(priority=priority, budget=budget) == [("", "priority_needs_budget")]


@pytest.mark.parametrize(("priority", "budget"), [(8, "1000"), (10, "999.995"), (7, 0)])
def test_a_high_priority_with_its_budget_is_taken(priority: int, budget: object) -> None:
    """Rounded first."""
    assert request(priority=priority, budget=budget).priority == priority


def test_defaults_are_validated_too() -> None:
    """A default that breaks a rule is a mistake that shows."""

    class Rash(TaskRequest):
        priority: int = 99

    with pytest.raises(ValidationError, match="priority"):
        Rash(task_type="echo")


# -- results --


def test_a_result_is_read_as_it_is_written() -> None:
    """`_meta` is written by us, and dropped when read."""
    message = accepted(result(processing_cost="0.25", _meta={"serialized_at": "x", "y": 1}))
    assert message.payload.response.meta is None
    document = json.loads(encode(message))["payload"]["response"]
    assert document["processing_cost"] == "0.25"
    assert document["completion_time"] == "2026-01-31T12:00:00Z"
    assert sorted(document["_meta"]) == ["serialized_at", "serializer_version"]
    assert accepted(encode(message)) == message


def test_private_keys_are_never_written() -> None:
    """At any depth, in lists too, and whatever else is a key."""
    data = {
        "_private": 1,
        "_private_key": 2,
        "a": [{"_privateer": 3, "b": ({"_private": 4, "c": 5},)}],
        "private": 6,
        "_priv": 7,
        "numbers": {1: 2},
    }
    given = TaskResult(
        task_id=UUID(TASK_ID),
        status="completed",
        completion_time=datetime.now(UTC),
        result_data=data,
    )
    written = json.loads(given.model_dump_json())["result_data"]
    kept = {"a": [{"b": [{"c": 5}]}], "private": 6, "_priv": 7, "numbers": {"1": 2}}
    assert written == kept
    assert given.result_data["_private"] == 1


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("task_id", "x", "uuid_parsing"),
        ("status", "done", "enum"),
        ("completion_time", "x", "datetime_from_date_parsing"),
        ("processing_cost", True, "decimal_type"),
        ("processing_cost", "NaN", "finite_number"),
        ("result_data", [], "dict_type"),
        ("error_details", 7, "string_type"),
        ("meta", {}, "extra_forbidden"),
    ],
)
def test_a_wrong_result_is_refused_by_its_own_error(field: str, value: object, kind: str) -> None:
    """Each field has a rule."""
    assert wrong(result(**{field: value})) == [(f"payload.response.{field}", kind)]


@pytest.mark.parametrize("field", ["task_id", "status", "completion_time"])
def test_what_a_result_must_say_is_required(field: str) -> None:
    """Which task, how it ended, and when."""
    message = result()
    message["payload"]["response"] = without(message["payload"]["response"], field)
    assert wrong(message) == [(f"payload.response.{field}", "missing")]
