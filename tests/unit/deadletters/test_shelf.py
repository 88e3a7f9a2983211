"""The open letters on a shelf: newest first, filtered once, the same for few and for many."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from topology import Names
from workers import headers as h
from workers.deadletters import Reader, Selection, Standing
from workers.deadletters.ledger import Entry
from workers.deadletters.shelf import FEW, MOST_REMEMBERED, Shelf
from workers.outcome import Delivery, Properties

START = datetime(2026, 5, 1, tzinfo=UTC)
READER = Reader(Names(), "guest")
PLAIN = READER.summary(
    Delivery(b"{}", Properties(headers={h.ERROR_CODE: "rejected", h.FINGERPRINT: "f00d"}))
)


def entry(number: int) -> Entry:
    """Return a letter that failed so many minutes after START; every third one differently."""
    return Entry(
        replace(
            PLAIN,
            id=f"id-{number:06}",
            failed_at=(START + timedelta(minutes=number)).isoformat(),
            error_code="rejected" if number % 3 else "expired",
            fingerprint="f00d" if number % 3 else "beef",
        ),
        number,
    )


def shelf(count: int) -> Shelf:
    """Return a shelf with letters as the journal brought them."""
    return Shelf({one.summary.id: one for one in map(entry, range(count))})


@pytest.mark.parametrize("count", [30, FEW + 10])
async def test_letters_stand_newest_first_and_filters_keep_the_order(count: int) -> None:
    """In this thread for few of them, in another one for many."""
    ours = shelf(count)
    everything = await ours.fitting(Selection())
    assert [one.offset for one in everything.entries] == list(range(count))[::-1]
    expired = await ours.fitting(Selection(error_code="expired"))
    assert [one.offset for one in expired.entries] == list(range(0, count, 3))[::-1]
    rejected, beef = await ours.grouped(everything)
    assert (rejected.count, beef.count) == (count - len(expired), len(expired))
    piece = expired.listing(1, 2, Standing(open=count))
    assert piece.letters == tuple(one.summary for one in expired.entries[1:3])
    assert (piece.before, piece.more) == (1, len(expired) - 3)


async def test_what_was_found_once_is_not_looked_for_again() -> None:
    """For the filters asked for lately."""
    ours = shelf(10)
    first = Selection(error_code="expired")
    found = await ours.fitting(first)
    assert await ours.fitting(Selection(error_code="expired")) is found
    for number in range(MOST_REMEMBERED):
        await ours.fitting(Selection(agent=str(number)))
    assert ours.known(first) is None


async def test_a_whole_id_is_found_though_others_begin_with_it() -> None:
    """Only the beginning of an id can be ambiguous; and a place is the end where there is none."""
    ours = Shelf({**shelf(3).entries, "id-0000011": entry(7)})
    assert list(ours.beginning("id-000001")) == ["id-000001"]
    assert len(ours.beginning("id-00000")) == 4
    row = await ours.fitting(Selection())
    assert (row.place("id-000001"), row.place("nobody")) == (2, 4)


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("2026-05-01T12:00:00Z", "2026-05-01T12:00:00+00:00"),
        ("2026-05-01T14:00:00.500+02:00", "2026-05-01T12:00:00.500000+00:00"),
        ("9999-12-31T23:59:59-10:00", None),
        ("2026-05-01T12:00:00", None),
        ("yesterday", None),
    ],
)
def test_times_are_written_so_that_texts_are_in_the_order_of_their_times(
    told: str, read: str | None
) -> None:
    """Whatever a letter says; what no calendar has, or no zone, is not known."""
    headers = {h.ERROR_CODE: "rejected", h.FAILED_AT: told}
    assert READER.summary(Delivery(b"{}", Properties(headers=headers))).failed_at == read
