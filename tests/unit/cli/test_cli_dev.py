"""`leveret dev` plays where nobody else's messages are, and says where that is."""

from __future__ import annotations

import pytest

from workers.cli.books import Books
from workers.cli.dev import _place, _prefix
from workers.outcome import Delivery, Properties
from workers.settings import Settings

THEIRS = Settings.model_validate({"amqp_url": "amqp://ada:hunter2@broker.example"})


@pytest.mark.parametrize(
    ("chosen", "given", "prefix"),
    [
        (THEIRS, None, "leveret-dev"),
        (THEIRS, "leveret", "leveret"),
        (Settings(), None, "leveret"),
    ],
)
def test_on_a_broker_of_theirs_it_has_a_prefix_of_its_own(
    chosen: Settings, given: str | None, prefix: str
) -> None:
    """Unless they say which one; a broker that it starts is its own."""
    assert _prefix(chosen, given) == prefix


def test_it_says_which_broker_it_uses() -> None:
    """Without the password; and starts one only where it does."""
    assert "your broker amqp://ada:***@broker.example, under the prefix x" in _place(THEIRS, "x")
    assert _place(Settings(), "leveret") == "starting a broker …"


def test_an_answer_to_somebody_else_is_told_with_what_to_do() -> None:
    """The books do not balance then, and it is no fault of a worker."""
    books = Books()
    books.answered(Delivery(b"", Properties(correlation_id="theirs")))
    (line,) = books.discrepancies()
    assert line.startswith("1 answer or dead letter belongs to no message of this run: ")
    assert "--prefix" in line
    assert not books.balanced
