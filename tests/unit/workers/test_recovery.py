"""What a failed attempt means."""

from datetime import UTC, datetime, timedelta

import pytest

from messages import ErrorCode
from topology import Delay
from workers import Retry
from workers.outcome import Failure
from workers.recovery import Again, Failed, GiveUp, Ladder, failure_of, recover

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LADDER = Ladder((Delay(1, "s"), Delay(10, "s"), Delay(1, "m")))
FAILURE = Failure(ErrorCode.PROCESSING_FAILED, "it broke", retryable=True)


def failed(attempt: int, **changes: object) -> Failed:
    """Return a failed attempt with what matters changed."""
    given: dict[str, object] = {
        "attempt": attempt,
        "retries": 4,
        "deadline": None,
        "now": NOW,
        "failure": FAILURE,
    }
    return Failed(**(given | changes))  # type: ignore[arg-type] # each test gives what fits


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 1), (2, 10), (3, 60), (4, 60)])
def test_each_attempt_waits_on_the_next_rung_and_the_last_one_repeats(
    attempt: int,
    seconds: int,
) -> None:
    """A later attempt never waits less, and the ladder's end is not the end of the attempts."""
    verdict = recover(failed(attempt), LADDER)
    assert isinstance(verdict, Again)
    assert verdict.delay.seconds == seconds


def test_spent_attempts_give_up_and_say_how_many_there_were() -> None:
    """The attempt after the last retry is never made."""
    verdict = recover(failed(5), LADDER)
    assert isinstance(verdict, GiveUp)
    assert "5 attempts" in verdict.failure.reason


def test_no_retries_means_one_attempt() -> None:
    """A processor that says retries=0 is asked once."""
    verdict = recover(failed(1, retries=0), LADDER)
    assert isinstance(verdict, GiveUp)
    assert "1 attempt)" in verdict.failure.reason


@pytest.mark.parametrize(("after", "seconds"), [(0.2, 1), (1, 1), (1.5, 10), (10, 10), (999, 60)])
def test_an_asked_for_wait_takes_the_first_rung_that_is_long_enough(
    after: float,
    seconds: int,
) -> None:
    """`Retry(after=…)` is never answered earlier than asked, as far as the ladder reaches."""
    verdict = recover(failed(1, error=Retry(after=after)), LADDER)
    assert isinstance(verdict, Again)
    assert verdict.delay.seconds == seconds


def test_a_retry_that_would_come_after_the_deadline_is_not_made() -> None:
    """The asker hears now what it would have heard too late."""
    soon = NOW + timedelta(seconds=5)
    assert isinstance(recover(failed(1, deadline=soon), LADDER), Again)
    verdict = recover(failed(2, deadline=soon), LADDER)
    assert isinstance(verdict, GiveUp)
    assert "deadline" in verdict.failure.reason


def test_the_text_of_an_exception_is_not_told() -> None:
    """A failure names the exception's type and place; its text may hold a sender's secret."""
    try:
        raise ValueError("password=hunter2")  # noqa: TRY301 - raised to be caught
    except ValueError as error:
        failure = failure_of(error)
    assert "hunter2" not in failure.reason
    assert failure.reason.startswith("the processor raised ValueError in test_the_text_of")
    assert failure.exception == "ValueError"


def test_the_reason_of_a_retry_is_told() -> None:
    """What a processor says on purpose is for people to read."""
    assert failure_of(Retry("the store is busy")).reason == "the store is busy"
