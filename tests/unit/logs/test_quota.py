"""A log under a flood: a few lines of each kind, one that says so, and the number behind them."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from workers.logs import LogPlan, Quota, configure, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger("leveret.tried")


class Scene:
    """A log with a clock of the test's."""

    def __init__(self, form: str) -> None:
        self.now = 0.0
        self._written = io.StringIO()
        plan = LogPlan(form=form, stream=self._written)  # type: ignore[arg-type] # a table
        self.handler = configure(plan, Quota(most=3, window=60, clock=lambda: self.now))

    @property
    def text(self) -> list[str]:
        """The lines so far."""
        return self._written.getvalue().splitlines()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The same, read."""
        return [json.loads(line) for line in self.text]


@pytest.fixture
def scene() -> Iterator[Callable[[str], Scene]]:
    """Lend a log; the process's own is as it was afterwards."""
    level, made = logging.getLogger().level, []

    def make(form: str = "json") -> Scene:
        made.append(Scene(form))
        return made[-1]

    yield make
    for one in made:
        logging.getLogger().removeHandler(one.handler)
    logging.getLogger().setLevel(level)


def flood(number: int, code: str = "invalid_json") -> None:
    """Write lines that are alike but for what they are about."""
    for n in range(number):
        log.warning("dead-lettered on attempt %d: it is bad", n, extra={"error_code": code})


def test_a_flood_is_told_when_it_begins_and_counted_when_it_is_over(
    scene: Callable[[], Scene],
) -> None:
    """Who watches sees at once why no more come; the number says what the first of them said."""
    told = scene()
    flood(1_000)
    assert len(told.lines) == 4
    notice = told.lines[-1]
    assert notice["message"].startswith("many lines like this: for up to 60 s")
    assert (notice["level"], notice["error_code"]) == ("warning", "invalid_json")
    told.now = 61.0
    settle()
    number = told.lines[-1]
    assert number["message"] == "997 more lines like: dead-lettered on attempt 3: it is bad"
    assert (number["left_out"], number["error_code"]) == (997, "invalid_json")
    assert number["since"] <= number["timestamp"]
    settle()
    assert len(told.lines) == 5


def test_a_flood_of_one_kind_leaves_room_for_others(scene: Callable[[], Scene]) -> None:
    """A kind is a place in the code, a level, a code and a task type."""
    told = scene()
    flood(10)
    flood(2, "expired")
    log.error("something else")
    assert [line.get("error_code") for line in told.lines[-3:]] == ["expired", "expired", None]


def test_in_the_next_minute_a_kind_is_written_again(scene: Callable[[], Scene]) -> None:
    """And nothing is said of a kind that was never too much."""
    told = scene()
    flood(3)
    told.now = 61.0
    flood(3)
    assert [line.get("left_out") for line in told.lines] == [None] * 6


def test_what_is_left_when_the_log_closes_is_told(scene: Callable[[], Scene]) -> None:
    """A worker that leaves in the middle of a flood says how much it was."""
    told = scene()
    flood(10)
    told.handler.close()
    assert told.lines[-1]["left_out"] == 7


def test_people_read_it_too(scene: Callable[[str], Scene]) -> None:
    """As text, on one line."""
    told = scene("text")
    flood(5)
    told.handler.close()
    assert "2 more lines like: dead-lettered on attempt 3: it is bad [" in told.text[-1]
    assert "error_code=invalid_json left_out=2 since=" in told.text[-1]


def test_arguments_that_do_not_fit_stop_nothing(scene: Callable[[], Scene]) -> None:
    """A line that cannot be made is told as it is, and counted like any other."""
    told = scene()
    for _ in range(5):
        record = log.makeRecord(log.name, logging.WARNING, "", 0, "%d and %d", (1,), None)
        told.handler.handle(record)
    told.handler.close()
    assert told.lines[-1]["left_out"] == 2
