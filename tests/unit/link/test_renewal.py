"""When a queue that goes on refusing is worth a fresh channel."""

from __future__ import annotations

import pytest

from workers.link.renewal import FIRST_TRY, FORGOTTEN, LONGEST_TRY, MOST_QUEUES, Renewal

QUEUE = ("", "answers")


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


@pytest.fixture
def renewal(clock: Clock) -> Renewal:
    """Return when a channel is renewed."""
    return Renewal(clock=clock)


def _go_on(renewal: Renewal, clock: Clock) -> float:
    """Have a queue refuse four times a second, until a fresh channel is due; return the seconds."""
    began = clock.now
    renewal.refused(*QUEUE)
    while not renewal.due:
        clock.now += 0.25
        renewal.refused(*QUEUE)
    return clock.now - began


def test_one_refusal_is_an_askers_full_queue(renewal: Renewal, clock: Clock) -> None:
    """And so is one now, and another of a different queue later."""
    renewal.refused(*QUEUE)
    clock.now += FIRST_TRY * 2
    renewal.refused("", "another")
    assert not renewal.due


def test_a_full_queue_costs_ever_fewer_channels(renewal: Renewal, clock: Clock) -> None:
    """A fresh one changes nothing there."""
    waits = []
    for _ in range(9):
        waits.append(_go_on(renewal, clock))
        renewal.renewed()
    assert waits[:4] == [FIRST_TRY, 2 * FIRST_TRY, 4 * FIRST_TRY, 8 * FIRST_TRY]
    assert waits[-1] == LONGEST_TRY


def test_after_a_quiet_time_it_is_tried_soon_again(renewal: Renewal, clock: Clock) -> None:
    """The next trouble is another one."""
    for _ in range(9):
        _go_on(renewal, clock)
        renewal.renewed()
    clock.now += FORGOTTEN + 1
    assert _go_on(renewal, clock) == FIRST_TRY


def test_a_line_that_was_lost_says_nothing_about_its_queues(renewal: Renewal, clock: Clock) -> None:
    """It has a fresh channel already."""
    renewal.refused(*QUEUE)
    clock.now += FIRST_TRY * 2
    renewal.renewed()
    assert _go_on(renewal, clock) == FIRST_TRY


def test_invented_addresses_take_no_room(renewal: Renewal) -> None:
    """The oldest are forgotten."""
    for number in range(MOST_QUEUES * 2):
        renewal.refused("", f"queue-{number}")
    assert len(renewal._since) == MOST_QUEUES
