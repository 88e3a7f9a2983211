"""One message tries a closed exchange for all that wait there, now and then, until it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workers.publication import Published
from workers.settling.knocking import FIRST_KNOCK, LONGEST_KNOCK, Knocking, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

GONE = "leveret.dead"


class Street:
    """Knocking, with time and fates as the test says; messages are numbers."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.knocking = Knocking(lambda seconds, act: self.timers.append((seconds, act)))
        self.went: list[int] = []
        self.gone: list[int] = []
        self.unwanted: set[int] = set()

    def wait(self, *numbers: int, exchange: str = GONE) -> None:
        """Let messages wait."""
        for number in numbers:
            self.knocking.wait(
                exchange,
                Waiting(
                    lambda n=number: self.went.append(n),  # type: ignore[misc] # bound as it is now
                    lambda n=number: n not in self.unwanted,  # type: ignore[misc] # likewise
                    lambda n=number: self.gone.append(n),  # type: ignore[misc] # likewise
                ),
            )

    def close(self, *numbers: int) -> float:
        """Let the exchange refuse these; return the seconds to the next knock."""
        told = [self.knocking.told(GONE, Published.CLOSED) for _ in numbers]
        self.wait(*numbers)
        assert all(seconds == 0 for seconds in told[1:])
        return told[0]

    def pass_time(self) -> float:
        """Let the one timer ring; return its seconds."""
        ((seconds, act),) = self.timers
        self.timers.clear()
        act()
        return seconds


@pytest.fixture
def street() -> Street:
    """Return a fresh one."""
    return Street()


def test_of_all_that_wait_one_knocks(street: Street) -> None:
    """A hundred messages cost one channel, not a hundred."""
    assert street.close(*range(100)) == FIRST_KNOCK
    street.pass_time()
    assert street.went == [0]
    street.wait(100)
    assert street.went == [0]


def test_knocks_in_vain_become_rarer_and_never_end(street: Street) -> None:
    """The one that knocked waits behind the others; nobody is given up."""
    street.close(1, 2, 3)
    waits = []
    for _ in range(12):
        waits.append(street.pass_time())
        assert street.knocking.told(GONE, Published.CLOSED)
        street.wait(street.went[-1])
    assert waits[:4] == [FIRST_KNOCK * 2**n for n in range(4)]
    assert waits[-1] == LONGEST_KNOCK
    assert street.went[:6] == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize("fate", [Published.CONFIRMED, Published.RETURNED, Published.REFUSED])
def test_an_exchange_that_answers_lets_all_go(street: Street, fate: Published) -> None:
    """Confirmed, or for no queue, or for a full one: it is there."""
    street.close(1, 2, 3)
    street.pass_time()
    assert street.knocking.told(GONE, fate) == 0
    assert street.went == [1, 2, 3]
    assert not street.knocking.closed


@pytest.mark.parametrize("fate", [Published.UNKNOWN, Published.UNSENDABLE])
def test_a_knock_that_tells_nothing_is_followed_by_another(street: Street, fate: Published) -> None:
    """The line was lost with it; those that wait are not forgotten."""
    street.close(1, 2)
    street.pass_time()
    assert street.knocking.told(GONE, fate)
    street.pass_time()
    assert street.went == [1, 2]


def test_what_is_not_wanted_any_more_is_let_go_of(street: Street) -> None:
    """The broker has it again; the next that is wanted knocks."""
    street.close(1, 2, 3, 4)
    street.unwanted = {1, 3}
    street.pass_time()
    assert street.went == [2]
    assert street.gone == [1, 3]
    street.unwanted = {4}
    street.knocking.told(GONE, Published.CONFIRMED)
    assert street.went == [2]
    assert street.gone == [1, 3, 4]


def test_where_nobody_waits_any_more_nobody_knocks(street: Street) -> None:
    """The next message finds out by itself."""
    street.close(1)
    street.unwanted = {1}
    street.pass_time()
    assert not street.timers
    assert not street.knocking.closed


def test_an_exchange_closed_again_begins_anew(street: Street) -> None:
    """A knock of its earlier closing does not end the new one."""
    street.close(1)
    street.knocking.told(GONE, Published.CONFIRMED)
    (_, old), *_ = street.timers
    street.timers.clear()
    assert street.close(2) == FIRST_KNOCK
    old()
    assert GONE in street.knocking.closed
    street.pass_time()
    assert street.went == [1, 2]


def test_other_exchanges_have_nothing_to_do_with_it(street: Street) -> None:
    """Neither do their fates."""
    street.close(1)
    assert street.knocking.told("leveret.replies", Published.CONFIRMED) == 0
    assert street.knocking.told("leveret.replies", Published.UNKNOWN) == 0
    assert set(street.knocking.closed) == {GONE}
    assert street.went == []
