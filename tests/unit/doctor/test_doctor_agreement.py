"""Replicas of one group that take different types are told, and what is no difference is not."""

from __future__ import annotations

from typing import Any

from workers.doctor import agreement
from workers.doctor.finding import State
from workers.presence.heartbeat import MOST_TYPES
from workers.presence.roster import Replica
from workers.testing import agent


def replica(
    group: str = "default", *, figures: dict[str, float] | None = None, **told: Any
) -> Replica:
    """Return a replica that tells this of itself."""
    who = agent("one")
    return Replica(type(who)(**who.model_dump(), group=group, **told), 0.0, figures or {})


ECHO = {"accepts": ["task_request"], "tasks": ["echo", "resize"]}
IMAGES = {"accepts": ["image", "task_request"], "tasks": ["resize"]}


def test_types_that_some_replicas_lack_are_named_with_how_many_lack_them() -> None:
    """Message types and task types, and what to do."""
    (found,) = agreement.types([replica(**ECHO), replica(**ECHO), replica(**IMAGES)])
    assert (found.check, found.state) == ("types.default", State.NOTE)
    assert "of the 3 replicas of the group default" in found.told
    assert "2 replicas lack the message type image" in found.told
    assert "1 replica lacks the task type echo" in found.told
    assert "resize" not in found.told
    assert all(
        word in found.advice for word in ("same code", "--group", "LEVERET_GROUP", "publish")
    )


def test_replicas_that_take_the_same_are_nothing_to_tell() -> None:
    """Nor are those of two groups, one that is paused, or one that tells no types."""
    assert not list(agreement.types([replica(**ECHO), replica(**ECHO)]))
    assert not list(agreement.types([replica(**ECHO), replica("images", **IMAGES)]))
    assert not list(agreement.types([replica(**ECHO), replica(figures={"paused": 1.0}, **IMAGES)]))
    assert not list(agreement.types([replica(**ECHO), replica()]))


def test_each_group_is_told_of_by_itself() -> None:
    """Also one that is not configured here."""
    present = [replica(group, **takes) for group in ("b", "a") for takes in (ECHO, IMAGES)]
    assert [one.check for one in agreement.types(present)] == ["types.a", "types.b"]


def test_a_type_beyond_the_end_of_a_heartbeat_is_not_missed() -> None:
    """A heartbeat tells the first hundred; what sorts behind them may be taken all the same."""
    full = [f"m{number:03}" for number in range(MOST_TYPES)]
    for other, lacking in (([*full[1:], "z"], "m000"), (["a", *full[:-1]], "a")):
        both = [replica(tasks=full), replica(tasks=other)]
        assert [one.name for one in agreement.lacks("tasks", both)] == [lacking]
