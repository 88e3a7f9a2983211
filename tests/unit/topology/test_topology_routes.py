"""Topic patterns: what they share, what they contain, and that no message goes to two queues."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology import NameRefused
from topology.patterns import checked_pattern, covers, overlap, words
from topology.routes import routes

LETTERS = ("a", "urgent")
PATTERNS = st.lists(st.sampled_from((*LETTERS, "*", "#")), min_size=1, max_size=3).map(".".join)
#: Every key of up to five words. Patterns that meet do so in a key of at most as many words as both
#: have besides `#`: two and two here, three and two with an urgent form.
KEYS = tuple(key for length in range(6) for key in product((*LETTERS, "other"), repeat=length))


def matches(pattern: tuple[str, ...], key: tuple[str, ...]) -> bool:
    """Say whether a key matches, by the definition and slowly."""
    if not pattern:
        return not key
    if pattern[0] == "#":
        return any(matches(pattern[1:], key[skipped:]) for skipped in range(len(key) + 1))
    return bool(key) and pattern[0] in ("*", key[0]) and matches(pattern[1:], key[1:])


@cache
def caught(pattern: str) -> frozenset[tuple[str, ...]]:
    """Return the keys of up to five words that match."""
    shape = words(pattern)
    return frozenset(key for key in KEYS if matches(shape, key))


def caught_by(patterns: Iterable[str]) -> set[tuple[str, ...]]:
    """Return the keys that match any of the patterns."""
    return {key for pattern in patterns for key in caught(pattern)}


@given(PATTERNS, PATTERNS)
def test_overlap_means_a_shared_key(left: str, right: str) -> None:
    """Two patterns overlap exactly when some key matches both, in either order."""
    shared = not caught(left).isdisjoint(caught(right))
    assert overlap(left, right) == shared
    assert overlap(right, left) == shared


@given(PATTERNS, PATTERNS)
def test_covers_is_never_wrong_about_yes(general: str, special: str) -> None:
    """Where one pattern is said to cover another, every key of the second matches the first."""
    if covers(general, special):
        assert caught(special) <= caught(general)


@pytest.mark.parametrize(
    ("general", "special"),
    [("#", "a.#.b"), ("*.*", "a.urgent"), ("a.#", "a"), ("a.#", "a.*.#"), ("*", "a"), ("a", "a")],
)
def test_covers_sees_the_plain_cases(general: str, special: str) -> None:
    """The cases that settings are made of are recognised."""
    assert covers(general, special)
    assert general == special or not covers(special, general)


@given(st.lists(PATTERNS, min_size=1, max_size=4))
def test_no_message_is_doubled_or_left_over(patterns: list[str]) -> None:
    """Each key of a pattern or its urgent form goes to exactly one of the group's two queues."""
    lead = routes(patterns)
    ordinary, urgent = caught_by(lead.ordinary), caught_by(lead.urgent)
    assert ordinary.isdisjoint(urgent)
    assert caught_by(patterns) <= ordinary
    assert caught_by(f"{pattern}.urgent" for pattern in patterns) <= ordinary | urgent


def test_the_default_sends_urgent_tasks_to_the_urgent_queue() -> None:
    """By default a task's urgent key is urgent, and one without a task type is ordinary."""
    lead = routes(("*", "*.*"))
    assert lead.ordinary == ("*", "*.*")
    assert lead.urgent == ("*.*.urgent",)


def test_a_single_type_is_urgent_without_a_task_type() -> None:
    """Where nothing else catches it, a message type's own urgent key leads to the urgent queue."""
    assert routes(("document",)).urgent == ("document.urgent",)


def test_a_group_that_takes_all_has_nothing_urgent() -> None:
    """`#` catches every urgent key, so all of it is ordinary."""
    lead = routes(("#",))
    assert (lead.ordinary, lead.urgent) == (("#",), ())


def test_a_partly_caught_form_is_still_routed() -> None:
    """An urgent form that an ordinary pattern catches in part is bound to the work queue whole."""
    lead = routes(("*.a", "x.*.urgent"))
    assert lead.ordinary == ("*.a", "x.*.urgent", "*.a.urgent")
    assert lead.urgent == ("x.*.urgent.urgent",)


def test_a_pattern_twice_is_bound_once() -> None:
    """Repeated patterns are one binding."""
    assert routes(("a", "a")).ordinary == ("a",)


@pytest.mark.parametrize("pattern", ["", "a..b", ".a", "task_*", "a.b#", "##", "x" * 249])
def test_patterns_that_mean_nothing_are_refused(pattern: str) -> None:
    """A pattern the broker would take literally or not at all is refused."""
    with pytest.raises(NameRefused, match="binding"):
        checked_pattern(pattern)
