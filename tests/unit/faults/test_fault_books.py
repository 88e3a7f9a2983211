"""The ledger, the requests and the table of the fault suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from faults.frames import GREETING, Splitter
from faults.ledger import Ledger, Reader
from faults.raw import METHOD, _frame
from faults.requests import Order, number_of, request_id
from faults.row import Figure
from faults.soak import slope
from faults.table import line_of, written

if TYPE_CHECKING:
    from pathlib import Path

RUN = 42


def test_a_request_is_known_by_its_id_and_a_strangers_is_not() -> None:
    """Of another run, or no id at all."""
    assert number_of(RUN, request_id(RUN, 7)) == 7
    assert number_of(RUN, request_id(RUN + 1, 7)) is None
    assert number_of(RUN, "no id") is None


def test_only_what_was_confirmed_and_not_returned_is_promised(tmp_path: Path) -> None:
    """The broker confirms what it gave back, too; a line cut short says nothing."""
    path = tmp_path / "ledger"
    ledger = Ledger(path)
    ledger.sending(range(4))
    ledger.told("r", [1])
    ledger.told("c", [0, 1])
    ledger.told("n", [2])
    with path.open("a") as file:
        file.write("c 3")
    reader = Reader(path)
    page = reader.page(RUN)
    assert page.sent == {request_id(RUN, number) for number in range(4)}
    assert page.confirmed == {request_id(RUN, 0)}
    with path.open("a") as file:
        file.write("\n")
    assert reader.kept() == {0, 3}


def test_an_order_survives_the_command_line() -> None:
    """What the publisher reads is what was ordered."""
    order = Order(url="amqp://there", ledger="l", run=RUN, count=3, tasks=(("a", {"b": 1}),))
    assert Order.of(order.text()) == order


def test_frames_are_whole_however_they_arrive() -> None:
    """One byte at a time, the greeting first."""
    frames = [GREETING, _frame(METHOD, 1, b"abcd"), _frame(METHOD, 0, b"")]
    splitter = Splitter()
    found = [frame for byte in b"".join(frames) for frame in splitter.feed(bytes((byte,)))]
    assert found == frames


def told(page: str, *figures: Figure) -> str:
    """Return the page with these figures in its table of rows a and b."""
    return written(page, broker="3.10", where="Here.", figures=figures, order=("a", "b"))


PAGE = "before\n<!-- faults 3.10 -->\n| old | 1 |\n<!-- end of faults -->\nafter\n"


def test_a_run_replaces_its_own_rows_and_keeps_the_others() -> None:
    """A row that was run again is told anew, in its place."""
    once = told(PAGE, Figure(row="b", messages=2), Figure(row="a", messages=1))
    again = told(once, Figure(row="a", messages=3))
    assert [line[:10] for line in again.splitlines() if line[:3] in {"| a", "| b"}] == [
        "| a |  | 3",
        "| b |  | 2",
    ]
    assert "old" not in again
    assert again.startswith("before\n")
    assert again.endswith("\nafter\n")


def test_what_was_found_in_full_is_replaced_by_the_like_or_by_a_broken_promise() -> None:
    """A small run on the way must not make the page say less."""
    page = told(PAGE, Figure(row="a", scale="full", messages=100))
    assert told(page, Figure(row="a", scale="usual", messages=1)) == page
    assert "| a | full | 99 |" in told(page, Figure(row="a", scale="full", messages=99))
    broken = Figure(row="a", scale="usual", messages=1, broken=["it was lost"])
    assert "| a | usual | 1 |" in told(page, broken)


def test_a_page_without_a_place_is_refused() -> None:
    """Figures of another version are not written over these."""
    with pytest.raises(ValueError, match=r"faults 4\.0"):
        written(PAGE, broker="4.0", where="Here.", figures=(), order=())


def test_a_broken_promise_stands_in_the_table() -> None:
    """Nobody has to read a log to see it."""
    figure = Figure(row="a fault", lost=1)
    figure.must(False, "nothing is lost")
    assert "**does not hold: nothing is lost**" in line_of(figure)


def test_the_slope_is_the_growth() -> None:
    """Two units for each one; nothing where there is nothing to see."""
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2)
    assert slope([(1, 1)]) == 0
