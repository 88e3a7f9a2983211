"""Plans that were shown wait for a yes, for a while and not without bound."""

from __future__ import annotations

import pytest

from workers.console.letters import plans as module
from workers.console.letters.plans import MOST, Plans
from workers.deadletters import Meant, Standing


def meant(count: int) -> Meant:
    """Return a discard of so many letters."""
    return Meant(
        kinds={str(number): "f" for number in range(count)},
        largest=1,
        groups=(),
        unknown=(),
        described="everything",
        standing=Standing(open=count),
    )


def test_a_plan_is_found_by_who_was_shown_it() -> None:
    """Nobody says yes to another one's, to another verb or for another group."""
    plans = Plans()
    plans.keep("once", "anna", "discard", "default", meant(1))
    assert plans.find("once", "anna", "discard", "default") is not None
    for other in (
        ("twice", "anna", "discard", "default"),
        ("once", "ben", "discard", "default"),
        ("once", "anna", "replay", "default"),
        ("once", "anna", "discard", "other"),
    ):
        assert plans.find(*other) is None


def test_a_plan_grows_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was seen half an hour ago is looked at again."""
    monkeypatch.setattr(module, "GOOD_FOR", -1.0)
    plans = Plans()
    plans.keep("once", "anna", "discard", "default", meant(1))
    assert plans.find("once", "anna", "discard", "default") is None


def test_plans_are_bounded_by_number_and_by_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest always stays, however large it is."""
    plans = Plans()
    for number in range(MOST + 1):
        plans.keep(str(number), "anna", "discard", "default", meant(1))
    assert plans.find("0", "anna", "discard", "default") is None
    assert plans.find("1", "anna", "discard", "default") is not None
    monkeypatch.setattr(module, "MOST_LETTERS", 100)
    plans.keep("large", "anna", "discard", "default", meant(101))
    assert plans.find("1", "anna", "discard", "default") is None
    assert plans.find("large", "anna", "discard", "default") is not None
