"""The reckoning of the fault suite: it finds what it is there to find."""

from __future__ import annotations

from faults.reckoning import Evidence, Seen, reckon

ALL = frozenset({"a", "b", "c"})


def test_a_confirmed_request_without_any_end_is_lost() -> None:
    """It was neither answered, nor dead-lettered, nor is it queued."""
    found = reckon(Evidence(sent=ALL, confirmed=ALL, answers=(Seen("a", "1"),)))
    assert found.lost == {"b", "c"}


def test_answered_dead_lettered_and_queued_requests_are_not_lost() -> None:
    """Each of these is a visible end, or a visible place to wait for one."""
    found = reckon(
        Evidence(
            sent=ALL,
            confirmed=ALL,
            answers=(Seen("a", "1"),),
            letters=(Seen("b", "2", "rejected"),),
            queued=frozenset({"c"}),
        )
    )
    assert not found.lost
    assert (found.answered, found.dead, found.queued) == (1, 1, 1)
    assert found.codes == (("rejected", 1),)


def test_an_effect_alone_is_no_end() -> None:
    """Work that was done and not answered is lost to whoever asked."""
    assert reckon(Evidence(sent=ALL, confirmed=frozenset({"a"}), effects=("a",))).lost == {"a"}


def test_an_end_without_a_request_is_unexpected() -> None:
    """Be it an answer, a dead letter or an effect."""
    found = reckon(
        Evidence(
            sent=ALL,
            confirmed=ALL,
            answers=(Seen("x", "1"),),
            letters=(Seen("y", "2"),),
            effects=("z",),
            queued=ALL,
        )
    )
    assert found.unexpected == {"x", "y", "z"}


def test_what_was_never_confirmed_and_yet_done_is_recovered() -> None:
    """The publisher did not hear of it; it is neither lost nor unexpected."""
    found = reckon(Evidence(sent=ALL, confirmed=frozenset(), answers=(Seen("a", "1"),)))
    assert (found.recovered, found.lost, found.unexpected) == (1, frozenset(), frozenset())


def test_a_second_answer_is_told_from_the_redelivery_of_the_first() -> None:
    """Another mark is another answer; the same mark is the same answer seen twice."""
    seen = (Seen("a", "1"), Seen("a", "1"), Seen("a", "2"), Seen("b", "3"))
    assert reckon(Evidence(sent=ALL, confirmed=frozenset({"a"}), answers=seen)).doubled == 1


def test_every_effect_beyond_the_first_is_counted() -> None:
    """Three times is two too many."""
    found = reckon(
        Evidence(sent=ALL, confirmed=frozenset(), effects=("a", "a", "a", "b"), queued=ALL)
    )
    assert found.effects_doubled == 2
