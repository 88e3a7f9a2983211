"""A body in lines: each error at the place it speaks of, whatever the body is."""

from __future__ import annotations

import pytest

from messages import FieldError
from workers.deadletters import shape
from workers.deadletters.marking import LONGEST_LINE, MOST_LINES


def error(pointer: str, message: str = "wrong") -> FieldError:
    """Return an error at a place."""
    return FieldError(pointer.strip("/").replace("/", "."), pointer, "kind", message)


def marked(body: bytes, *pointers: str) -> dict[str, tuple[str, ...]]:
    """Return the marked lines and their marks."""
    lines = shape(body, map(error, pointers)).lines
    return {line.text.strip(): line.marks for line in lines if line.marks}


def test_values_in_objects_and_lists_are_marked_where_they_stand() -> None:
    """Indexes and escaped keys are followed."""
    body = b'{"a": {"b/c": [1, {"d~": 2}]}, "e": {}}'
    assert marked(body, "/a/b~1c/0") == {"1,": ("wrong",)}
    assert marked(body, "/a/b~1c/1/d~0") == {'"d~": 2': ("wrong",)}
    assert marked(body, "/e") == {'"e": {}': ("wrong",)}


def test_what_is_missing_is_marked_at_what_should_hold_it() -> None:
    """And says what is missing."""
    assert marked(b'{"a": {"b": 1}}', "/a/x/y") == {'"a": {': ("x/y: wrong",)}
    assert marked(b"[]", "/0") == {"[]": ("0: wrong",)}


def test_keys_that_stand_twice_are_both_shown_and_the_first_is_marked() -> None:
    """A parser that keeps the last would hide the mistake."""
    shown = shape(b'{"a": 1, "a": 2}', [error("/a")])
    assert [line.text.strip() for line in shown.lines] == ["{", '"a": 1,', '"a": 2', "}"]
    assert shown.lines[1].marks


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"", "text"),
        (b"{'a': 1}", "text"),
        (b'{"a": 1} {"b": 2}', "text"),
        (b"\xff\xfe{\x00", "bytes"),
        (b"[" * 100_000, "text"),
        (b'{"a": NaN}', "json"),
        (b"1" * 5_000, "text"),
    ],
)
def test_any_body_has_a_shape(body: bytes, form: str) -> None:
    """Errors without a place are told beside it."""
    shown = shape(body, [error("/nowhere")])
    assert shown.form == form
    assert form == "json" or shown.elsewhere


def test_long_bodies_are_bounded() -> None:
    """In lines, in the length of a line, and in bytes that are no text."""
    many = shape(b"[" + b"1," * MOST_LINES + b"1]")
    assert (len(many.lines), many.more) == (MOST_LINES, 3)
    (line,) = shape(b'"' + b"x" * 10_000 + b'"').lines
    assert len(line.text) < LONGEST_LINE + 40
    assert shape(b"\xff" * 100_000).more > 6_000
