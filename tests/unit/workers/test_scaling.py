"""How many replicas: grown when all are full, shrunk after a calm, never beyond the bounds."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workers.replicas.overseeing import summary
from workers.replicas.scaling import Limits, Load, Trend, decide
from workers.settings import Settings

LIMITS = Limits(most=3, grow_after=3.0, shrink_after=60.0)


def course(wanted: int, shares: list[float], *, every: float = 1.0) -> int:
    """Return how many replicas there are after these looks, each new one answering at once."""
    trend = Trend()
    for number, share in enumerate(shares):
        load = Load(wanted, wanted, share)
        wanted, trend = decide(load, trend, number * every, LIMITS)
    return wanted


@pytest.mark.parametrize(
    ("wanted", "shares", "after"),
    [
        (1, [0.9] * 3, 1),
        (1, [0.9] * 4, 2),
        (1, [0.9] * 40, 3),
        (1, [0.9, 0.9, 0.1, 0.9, 0.9, 0.9], 1),
        (3, [1.0] * 40, 3),
        (1, [0.0] * 200, 1),
        (3, [0.0] * 61, 2),
        (3, [0.0] * 200, 1),
        (3, [0.0] * 30 + [0.6] + [0.0] * 59, 3),
        # Two thirds of three are all that two could hold: they would be full at once.
        (3, [0.6] * 200, 3),
        (2, [0.4] * 200, 2),
    ],
)
def test_the_number_follows_the_load(wanted: int, shares: list[float], after: int) -> None:
    """Full for three seconds is one more; a minute in which fewer had done is one less."""
    assert course(wanted, shares) == after


def test_nothing_changes_while_one_starts_or_leaves() -> None:
    """What a change brings is seen before the next one."""
    full = Trend(full_since=0.0)
    assert decide(Load(2, 1, 1.0), full, 100.0, LIMITS) == (2, Trend())
    assert decide(Load(2, 3, 0.0), Trend(calm_since=0.0), 100.0, LIMITS) == (2, Trend())


@pytest.mark.parametrize(("given", "made"), [("Auto", "auto"), ("4", 4), (1, 1)])
def test_processes_are_a_number_or_auto(given: object, made: object) -> None:
    """Either may be written."""
    assert Settings(processes=given).processes == made  # type: ignore[arg-type] # as it is written


@pytest.mark.parametrize("given", ["many", "0", 257, 1.5, True])
def test_other_processes_are_refused_in_one_line(given: object) -> None:
    """What is neither is told once, with both."""
    with pytest.raises(ValidationError) as refused:
        Settings(processes=given)  # type: ignore[arg-type] # that is the point
    assert refused.value.error_count() == 1


@pytest.mark.parametrize(
    ("told", "reason", "remark"),
    [
        ({}, "no replica runs", ""),
        ({0: "", 1: ""}, None, "2 of 2 replicas take messages"),
        ({0: "", 1: "starting"}, None, "1 of 2 replicas take messages; replica 1: starting"),
        (
            {0: "paused", 1: "starting"},
            "none of 2 replicas takes messages; replica 0: paused; replica 1: starting",
            "",
        ),
    ],
)
def test_a_supervisor_tells_of_its_replicas(
    told: dict[int, str], reason: str | None, remark: str
) -> None:
    """Not ready while none takes messages; otherwise it says how many do, and why the rest not."""
    assert summary(told) == (reason, remark)
