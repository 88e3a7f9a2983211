"""A full queue is waited for once, by half of the prefetch, and trusted again when it has room."""

from __future__ import annotations

import pytest

from workers.settling.patience import ANSWER_TRIES, FORGOTTEN, MOST_ADDRESSES, PATIENCE, Patience

FULL = ("", "full")
OTHER = ("leveret.replies", "other")


class Desk:
    """A patience of some prefetch, with a clock that the test moves."""

    def __init__(self, prefetch: int = 100) -> None:
        self.now = 1_000.0
        self.patience = Patience(prefetch, clock=lambda: self.now)

    def waits(self, address: tuple[str, str] = FULL, tries: int = 1) -> bool:
        """Return whether an answer is offered again; its wait is over at once."""
        waits = self.patience.refused(address, tries)
        if waits:
            self.patience.waited()
        return waits


@pytest.fixture
def desk() -> Desk:
    """Return a fresh one."""
    return Desk()


def test_an_answer_is_offered_so_often_and_no_more(desk: Desk) -> None:
    """A slow asker gets some chances."""
    assert [desk.waits(tries=tries) for tries in range(1, ANSWER_TRIES + 1)] == [
        *[True] * (ANSWER_TRIES - 1),
        False,
    ]


def test_a_queue_that_took_nothing_for_some_seconds_is_offered_each_answer_once(desk: Desk) -> None:
    """Its asker is waited for once, not for each answer; another address is another asker."""
    assert desk.waits()
    desk.now += PATIENCE + 0.1
    assert not desk.waits()
    assert not desk.waits()
    assert desk.waits(OTHER)


def test_a_queue_that_has_room_again_is_trusted_again(desk: Desk) -> None:
    """One answer that is taken is enough."""
    assert desk.waits()
    desk.now += PATIENCE + 0.1
    assert not desk.waits()
    desk.patience.took(FULL)
    assert desk.waits()


def test_an_old_refusal_is_forgotten(desk: Desk) -> None:
    """A queue that was full yesterday is as good as any other."""
    assert desk.waits()
    desk.now += FORGOTTEN + 0.1
    assert desk.waits()


def test_a_queue_that_goes_on_refusing_is_not_forgotten(desk: Desk) -> None:
    """Each further refusal keeps the memory of it."""
    assert desk.waits()
    for _ in range(10):
        desk.now += FORGOTTEN / 2
        assert not desk.waits()


@pytest.mark.parametrize(("prefetch", "most"), [(1, 1), (2, 1), (100, 50)])
def test_half_of_the_prefetch_waits_at_most(prefetch: int, most: int) -> None:
    """Whoever refuses, one address or many, the others have the other half."""
    patience = Desk(prefetch).patience
    assert [patience.refused(("", f"full-{n}"), 1) for n in range(most + 1)] == [
        *[True] * most,
        False,
    ]
    patience.waited()
    assert patience.refused(OTHER, 1)


def test_addresses_are_remembered_within_bounds(desk: Desk) -> None:
    """Whoever asks may invent as many as it likes; those that refuse still are kept the longest."""
    desk.waits()
    for number in range(2 * MOST_ADDRESSES):
        desk.waits(("", f"invented-{number}"))
        desk.waits()
    assert len(desk.patience.refusing) == MOST_ADDRESSES
    desk.now += PATIENCE + 0.1
    assert not desk.waits()
