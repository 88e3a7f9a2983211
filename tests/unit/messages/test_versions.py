"""Which versions are understood, and what becomes of a newer one's fields (section 2)."""

from __future__ import annotations

import pytest
from writing import CATALOG, accepted, agent, refused, task, written, wrong

from messages import ErrorCode


def newer(**others: object) -> dict[str, object]:
    """Return a message of a later minor version."""
    return task() | {"version": "1.7.0"} | others


@pytest.mark.parametrize("version", ["1.0.0", "1.0.9", "1.0.999999"])
def test_our_own_version_is_strict(version: str) -> None:
    """An unknown field is refused."""
    assert accepted(task() | {"version": version}).version == version
    assert wrong(task() | {"version": version, "new": 1}) == [("new", "extra_forbidden")]


def test_fields_of_a_newer_minor_version_are_dropped_and_counted() -> None:
    """At every level, each as one, whatever is in it."""
    message = newer(new=1, newer={"a": [1, {"b": 2}]})
    message["payload"]["request"]["hint"] = "x"  # type: ignore[index] # a payload is an object
    message["payload"]["colour"] = "green"  # type: ignore[index] # likewise
    envelope, dropped = CATALOG.decode_counting(written(message))
    assert dropped == 4
    assert envelope.payload.request.task_type == "echo"  # type: ignore[attr-defined] # a task


def test_fields_that_show_only_after_others_are_dropped_go_too() -> None:
    """As many levels as there are."""
    message = newer(new=1)
    message["payload"]["request"]["new"] = 1  # type: ignore[index] # a payload is an object
    assert CATALOG.decode_counting(written(message))[1] == 2


def test_thousands_of_new_fields_are_dropped() -> None:
    """More than are ever told as errors."""
    message = newer(**{f"new_{number}": number for number in range(2_000)})
    assert CATALOG.decode_counting(written(message))[1] == 2_000


def test_what_an_agent_adds_is_kept_in_a_newer_version_too() -> None:
    """It is no unknown field there."""
    envelope, dropped = CATALOG.decode_counting(written(newer(source_agent=agent(region="eu"))))
    assert dropped == 0
    assert envelope.source_agent.model_dump()["region"] == "eu"


def test_a_newer_minor_version_excuses_nothing_else() -> None:
    """A known field keeps its rule, and only that is told."""
    assert wrong(newer(ttl=0, new=1)) == [("ttl", "greater_than_equal")]


def test_a_number_keeps_its_value_when_fields_are_dropped() -> None:
    """The second look reads what the first one read."""
    message = newer(new=1)
    message["payload"]["request"]["parameters"] = {"n": 2**63, "f": 0.1}  # type: ignore[index] # an object
    envelope, _ = CATALOG.decode_counting(written(message))
    assert envelope.payload.request.parameters == {"n": 2**63, "f": 0.1}  # type: ignore[attr-defined] # a task


def test_a_key_twice_is_found_in_a_newer_version_too() -> None:
    """Also among what is dropped."""
    body = written(newer(new=1)).replace(b'"new":1', b'"new":1,"new":2')
    assert refused(body).errors[0].error_type == "duplicate_key"


@pytest.mark.parametrize("others", [{}, {"new": 1}, {"ttl": 0}, {"payload": 7}])
@pytest.mark.parametrize("version", ["2.0.0", "0.9.0", "99.0.0"])
def test_another_major_version_is_another_protocol(version: str, others: dict[str, object]) -> None:
    """Whatever else is in the message."""
    invalid = refused(task() | others | {"version": version})
    assert invalid.code is ErrorCode.UNSUPPORTED_VERSION
    assert [one.field_path for one in invalid.errors] == ["version"]
    assert invalid.salvage is not None
    assert invalid.salvage.sender_id == "asker"
