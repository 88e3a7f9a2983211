"""Groups, trends and the ramp: figures of operators."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from topology import Names
from workers import headers as h
from workers.deadletters import Reader, Selection, Summary, TooShort, sparkline
from workers.deadletters.groups import grouped
from workers.deadletters.pacing import FIRST_RATE, Ramp
from workers.outcome import Delivery, Properties

START = datetime(2026, 5, 1, tzinfo=UTC)
PLAIN = Reader(Names(), "guest").summary(
    Delivery(
        b'{"source_agent":{"agent_id":"ada"},"payload":{}}',
        Properties(headers={h.ID: "12345678", h.ERROR_CODE: "rejected", h.FINGERPRINT: "f00d"}),
    ),
)


def failed(minutes: int, **more: str) -> Summary:
    """Return a letter that failed so many minutes after START."""
    when = (START + timedelta(minutes=minutes)).isoformat()
    return replace(PLAIN, failed_at=when, id=f"id-{minutes:06}", **more)


def test_groups_span_their_letters_and_share_one_time() -> None:
    """The latest letter is the example; trends can be compared, since they span the same time."""
    large, small = grouped(
        [*(failed(n) for n in range(12)), failed(60, fingerprint="beef"), PLAIN],
        buckets=6,
    )
    assert (large.count, small.count) == (13, 1)
    assert (large.example_id, large.first_seen) == ("id-000011", START.isoformat())
    assert large.trend == (10, 2, 0, 0, 0, 0)
    assert small.trend == (0, 0, 0, 0, 0, 1)
    assert grouped([]) == ()
    assert grouped([PLAIN])[0].trend == (0,) * 12
    assert grouped([failed(7), failed(7)])[0].trend == (2, *(0,) * 11)


def test_a_sparkline_shows_least_and_most() -> None:
    """Nothing is a blank; a little is seen."""
    assert sparkline((0, 1, 4, 8)) == " ▁▄█"
    assert sparkline((0, 0)) == "  "


def test_a_ramp_begins_slowly_and_ends_at_its_rate() -> None:
    """Twice as fast each second; without a rate there is no waiting."""
    ramp = Ramp(100.0, 0.0)
    assert ramp.allowed(0.0) == FIRST_RATE
    assert ramp.allowed(1.0) == 2 * FIRST_RATE
    assert ramp.allowed(30.0) == 100.0
    assert ramp.wait(0.0) == 0.0
    assert ramp.wait(0.0) == pytest.approx(1 / FIRST_RATE)
    assert Ramp(0.0, 0.0).wait(0.0) == 0.0


def test_times_choose_letters_and_unknown_ones_never() -> None:
    """`since` is included, `until` is not."""
    at = Selection(since=START, until=START + timedelta(minutes=5))
    assert [at.meant(failed(n)) for n in (-1, 0, 4, 5)] == [False, True, True, False]
    assert not at.meant(PLAIN)
    assert Selection(agent="ada").meant(PLAIN)
    assert not Selection(agent="bob").meant(PLAIN)


def test_a_selection_describes_itself() -> None:
    """For the history: what was asked, and nothing else."""
    told = Selection(error_code="rejected", ids=("abcdef", "123456")).described
    assert told == "ids=abcdef,123456 error_code=rejected"
    assert Selection().everything
    with pytest.raises(TooShort):
        Selection(ids=("abc",))
