"""What the filters of the letters offer: enough to choose from, however much senders made up."""

from __future__ import annotations

from workers.console.pages.letters import MOST_OFFERED, _offered


def test_each_value_is_offered_once_in_the_order_of_the_alphabet() -> None:
    """Letters without a task type have nothing to choose."""
    assert _offered(["teleport", "echo", "", "teleport"]) == ["echo", "teleport"]


def test_of_many_values_those_of_the_largest_groups_are_offered() -> None:
    """They come first; a page of a hundred thousand made-up names would be no page."""
    made_up = (f"a-{n}" for n in range(100_000))
    found = _offered(["zebra", "echo", *made_up])
    assert len(found) == MOST_OFFERED
    assert {"zebra", "echo"} <= set(found)
