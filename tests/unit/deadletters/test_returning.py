"""What becomes of what was sent: back, done, tried again, or nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from topology import Names
from workers import headers as h
from workers.deadletters import Desk, Reader, Verb, Verdict
from workers.deadletters.course import Course
from workers.deadletters.notes import Action
from workers.deadletters.returning import Returns
from workers.outcome import Delivery, Properties
from workers.settling.replays import AGAIN, DONE, REPLAYED, Replayed

NAMES = Names()
NOW = datetime(2026, 5, 1, tzinfo=UTC).isoformat()
DESK = Desk(amqp_url="amqp://guest@host", names=NAMES, group="default")
ACTION = Action(desk=DESK, run="run", verb=Verb.REPLAY, who="ada")


@pytest.fixture
def returns() -> Returns:
    """Return what hears the journal of an action."""
    return Returns(ACTION, Reader(NAMES, "guest"), Course())


def said(letter_id: str, end: str) -> Delivery:
    """Return a worker's word about the replay of a letter."""
    told = Replayed(letter_id, end, "hare", NOW, "processing_failed", "closed")
    return Delivery(
        orjson.dumps(told._asdict()), Properties(type=REPLAYED), NAMES.dead, NAMES.journal_key
    )


def letter(replay_of: str) -> Delivery:
    """Return a new dead letter, which is the replay of another one."""
    headers = {h.ID: f"new-{replay_of}", h.ERROR_CODE: "rejected", h.REPLAY_OF: replay_of}
    return Delivery(b"{}", Properties(headers=headers), NAMES.dead, NAMES.history_key("default"))


def test_a_first_letter_is_done_when_its_worker_says_so(returns: Returns) -> None:
    """Words about others' letters, and words said twice, change nothing."""
    returns.sent("a", "kind", canary=True)
    assert not returns.canaries_known()
    for word in (said("b", DONE), said("a", DONE), said("a", DONE)):
        returns.heard(word)
    assert returns.canaries_known()
    assert returns.canaries["kind"].verdict is Verdict.DONE
    assert (returns.succeeded, returns.unknown, returns.halts) == (1, 0, {})


def test_a_letter_that_comes_back_halts_its_kind_and_no_other(returns: Returns) -> None:
    """The new letter is named, so that one can look at it."""
    returns.sent("a", "bad", canary=True)
    returns.sent("b", "good", canary=True)
    returns.heard(letter("a"))
    assert returns.canaries["bad"].verdict is Verdict.BACK
    assert list(returns.halts) == ["bad"]
    assert returns.halts["bad"].letter_id == "new-a"
    assert (returns.returned, returns.arrived, returns.unknown) == (1, 1, 1)


def test_a_first_letter_that_is_tried_again_halts_its_kind_at_the_end_of_the_wait(
    returns: Returns,
) -> None:
    """Until then it may still succeed."""
    for one in ("a", "b"):
        returns.sent(one, one, canary=True)
        returns.heard(said(one, AGAIN))
    assert returns.retrying == 2
    returns.heard(said("a", DONE))
    returns.judge(1.0)
    assert returns.canaries["a"].verdict is Verdict.DONE
    assert returns.canaries["b"].verdict is Verdict.AGAIN
    assert list(returns.halts) == ["b"]
    assert returns.retrying == 1


def test_silence_is_told_as_silence(returns: Returns) -> None:
    """Neither a success nor a failure."""
    returns.sent("a", "kind", canary=True)
    returns.judge(3.0)
    assert (returns.canaries["kind"].verdict, returns.canaries["kind"].seconds) == (
        Verdict.SILENT,
        3.0,
    )
    assert returns.halts == {}
    assert not returns.told


def test_what_went_nowhere_is_waited_for_by_nobody(returns: Returns) -> None:
    """A full queue made no canary of it."""
    returns.sent("a", "kind", canary=True)
    returns.unsent("a")
    assert returns.canaries == {}
    assert returns.all_known()
    assert returns.canaries_known()


def test_so_many_may_come_back_as_are_tolerated() -> None:
    """One more halts the kind."""
    returns = Returns(ACTION, Reader(NAMES, "guest"), Course(), tolerated=1)
    for one in ("a", "b"):
        returns.sent(one, "kind")
        assert returns.halts == {}
        returns.heard(letter(one))
    assert list(returns.halts) == ["kind"]


async def test_a_course_is_held_and_let_go_and_stopped_for_good() -> None:
    """A stop ends a pause, and every wait."""
    course = Course()
    course.pause()
    assert course.paused
    await course.clear(0.01)
    assert course.paused
    course.resume()
    await course.clear()
    course.pause()
    course.stop()
    assert not course.paused
    await course.clear()
    await course.wait(3600)
    await course.next_move()
