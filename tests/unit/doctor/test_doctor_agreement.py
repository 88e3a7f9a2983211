"""Replicas of one group that take different types are told, and what is no difference is not."""

from __future__ import annotations

from typing import Any

from workers.doctor import agreement
from workers.doctor.finding import State
from workers.presence.heartbeat import MOST_TYPES
from workers.presence.roster import Replica
from workers.testing import agent


def replica(
    who: str, group: str = "default", *, figures: dict[str, float] | None = None, **told: Any
) -> Replica:
    """Return a replica that tells this of itself."""
    one = agent(who)
    return Replica(type(one)(**one.model_dump(), group=group, **told), 0.0, figures or {})


ECHO = {"accepts": ["task_request"], "tasks": ["echo", "resize"]}
IMAGES = {"accepts": ["image", "task_request"], "tasks": ["resize"]}


def test_types_that_some_replicas_lack_are_named_with_who_lacks_them() -> None:
    """Message types and task types, and what to do."""
    present = [replica("a", **ECHO), replica("b", **ECHO), replica("c", **IMAGES)]
    (found,) = agreement.types(present)
    assert (found.check, found.state) == ("types.default", State.NOTE)
    assert "2 of 3 (a, b) lack the message type image" in found.told
    assert "1 of 3 (c) lacks the task type echo" in found.told
    assert "resize" not in found.told
    assert all(
        word in found.advice for word in ("same code", "--group", "LEVERET_GROUP", "publish")
    )


def test_replicas_that_lack_different_types_are_told_apart() -> None:
    """Both lack as much, and neither lacks both."""
    (found,) = agreement.types([replica("a", tasks=["x"]), replica("b", tasks=["y", "z"])])
    assert "(b) lacks the task type x; 1 of 2 (a) lacks the task types y, z." in found.told


def test_replicas_that_take_the_same_are_nothing_to_tell() -> None:
    """Nor are those of two groups, one that is paused, or one that tells no types."""
    one, paused = replica("a", **ECHO), {"paused": 1.0}
    assert not list(agreement.types([one, replica("b", **ECHO)]))
    assert not list(agreement.types([one, replica("b", "images", **IMAGES)]))
    assert not list(agreement.types([one, replica("b", figures=paused, **IMAGES)]))
    assert not list(agreement.types([one, replica("b")]))


def test_each_group_is_told_of_by_itself() -> None:
    """Also one that is not configured here."""
    pairs = [[replica("a", group, **ECHO), replica("b", group, **IMAGES)] for group in ("y", "x")]
    assert [one.check for one in agreement.types([*pairs[0], *pairs[1]])] == ["types.x", "types.y"]


def test_a_type_beyond_the_end_of_a_heartbeat_is_not_missed() -> None:
    """A heartbeat tells the first hundred; what sorts behind them may be taken all the same."""
    full = [f"m{number:03}" for number in range(MOST_TYPES)]
    for other, lacking in (([*full[1:], "z"], "m000"), (["a", *full[:-1]], "a")):
        both = [replica("a", tasks=full), replica("b", tasks=other)]
        assert [one.name for one in agreement.lacks("tasks", both)] == [lacking]
