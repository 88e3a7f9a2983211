"""Dead letters as text: nothing invisible, marks below what they mean, columns that say enough."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest

from messages import FieldError
from workers.cli import letter_pages as pages
from workers.deadletters import Group, shape
from workers.deadletters.groups import BUCKETS
from workers.logs.clean import clean

NOW = datetime(2026, 5, 2, tzinfo=UTC)
LONG = "task_request/" + "reconcile_the_ledgers_of_all_the_shops_" * 2


def group(first: str | None, last: str | None) -> Group:
    """Return a group of that time."""
    return Group(
        fingerprint="f" * 16,
        error_code="rejected",
        message_type="task_request",
        task_type=LONG.partition("/")[2],
        count=2,
        first_seen=first,
        last_seen=last,
        example_id="a",
        trend=(1, *(0,) * (BUCKETS - 2), 1),
    )


def test_a_mark_stands_below_what_it_means() -> None:
    """However deep that is."""
    error = FieldError("a.b", "/a/b", "int_type", "no number")
    lines = pages.body(shape(b'{"a": {"b": "x"}}', [error])).splitlines()
    at = next(n for n, text in enumerate(lines) if '"b"' in text)
    assert lines[at].index('"b"') == lines[at + 1].index("^")


@pytest.mark.parametrize("one", "\u00ad\u200b\u200d\u2060\u2066\u202e\u3164\ufe0f\ufeff\U000e0041")
def test_what_shows_nothing_is_spelled(one: str) -> None:
    """A word with something invisible in it looks like another one."""
    told = one.encode("unicode_escape").decode()
    assert clean(f"pay{one}load") == f"pay{told}load"
    assert told in pages.body(shape(f'{{"a": "b{one}"}}'.encode()))


def test_a_program_gets_rows_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal they fit; the end of a type says most of it."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert LONG in pages.groups([group(None, None)], NOW)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    row = pages.groups([group(None, None)], NOW).splitlines()[1]
    assert len(row) <= 80
    assert "…" in row


def test_the_trend_has_a_scale() -> None:
    """What a column stands for, from when to when."""
    day = [group("2026-05-01T00:00:00+00:00", "2026-05-01T12:00:00+00:00"), group(None, None)]
    day.append(group("2026-05-01T06:00:00+00:00", "2026-05-02T00:00:00+00:00"))
    told = "a column of TREND is 2h, from 2026-05-01T00:00:00 to 2026-05-02T00:00:00 UTC"
    assert pages.scale(day).startswith(told)
    assert "all failed at 2026-05-01" in pages.scale([group(*["2026-05-01T00:00:00+00:00"] * 2)])
    assert "none of them says" in pages.scale([group(None, None)])
