"""Who goes first of each kind: a letter that would pass, wherever there is one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from topology import Names
from workers import headers as h
from workers.deadletters import Meant, Pace, Proposal, Reader, Standing, Summary
from workers.deadletters.canaries import canaries
from workers.deadletters.groups import grouped
from workers.deadletters.tasks import Task, replaying
from workers.outcome import Delivery, Properties

PLAIN = Reader(Names(), "guest").summary(
    Delivery(b"{}", Properties(headers={h.ERROR_CODE: "unknown_task_type", h.FINGERPRINT: "f00d"}))
)


def letter(one: str, fingerprint: str = "f00d") -> Summary:
    """Return a letter; the ids of older ones come first in the alphabet."""
    return replace(PLAIN, id=one, fingerprint=fingerprint, failed_at=f"2026-05-01T12:00:0{one}")


OLDEST_FIRST = [*map(letter, "123456"), letter("7", "beef"), letter("8", "beef")]


def replay(passing: str, undecided: str, *, anyway: bool = False, canary: bool = True) -> Task:
    """Return the replay of letters of which these would pass, and these only a run can tell."""
    meant = Meant(
        kinds={one.id: one.fingerprint for one in OLDEST_FIRST},
        largest=1,
        groups=grouped(OLDEST_FIRST),
        unknown=(),
        described="everything",
        standing=Standing(open=len(OLDEST_FIRST)),
    )
    proposal = Proposal(
        meant=meant,
        passing=frozenset(passing + undecided),
        undecided=len(undecided),
        unjudged=0,
        failing={},
        queues={"work": len(passing + undecided)},
        canaries=canaries(OLDEST_FIRST, passing, undecided),
    )
    return replaying(proposal, Pace(canary=canary), lambda _: "work", anyway=anyway)


@pytest.mark.parametrize(
    ("passing", "undecided", "first"),
    [
        ("345", "126", {"f00d": "3"}),
        ("6", "12345", {"f00d": "6"}),
        ("", "45", {"f00d": "4"}),
        ("37", "128", {"f00d": "3", "beef": "7"}),
        ("8", "17", {"f00d": "1", "beef": "8"}),
        ("", "", {}),
    ],
)
def test_the_oldest_that_would_pass_goes_before_what_only_a_run_can_tell(
    passing: str, undecided: str, first: dict[str, str]
) -> None:
    """One that comes back keeps its kind from going, also those of it that would have passed."""
    assert replay(passing, undecided).canaries == first


def test_what_would_fail_goes_first_only_where_nothing_else_of_its_kind_goes() -> None:
    """Though somebody wants it sent all the same; then it is the latest."""
    assert replay("3", "1", anyway=True).canaries == {"f00d": "3", "beef": "8"}
    assert replay("", "27", anyway=True).canaries == {"f00d": "2", "beef": "7"}
    assert replay("", "", anyway=True).canaries == {"f00d": "6", "beef": "8"}


def test_without_canaries_none_goes_first() -> None:
    """As it was asked."""
    assert not replay("3", "1", canary=False).canaries
    assert not replay("3", "1", canary=False, anyway=True).canaries
