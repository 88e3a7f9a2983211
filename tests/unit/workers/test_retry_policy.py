"""Which failures of a processor are tried again, and after which wait."""

from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from messages import ErrorCode
from topology import Delay
from workers import Context, RegistrationError, Registry, Retry, RetryPolicy
from workers.outcome import DeadLettered, Failure, Retried
from workers.recovery import Again, Failed, GiveUp, Ladder, recover
from workers.testing import Rehearsal

LADDER = Ladder((Delay(1, "s"), Delay(10, "s"), Delay(1, "m")))
POLICY = RetryPolicy(never=(LookupError,), at_once=(ConnectionError,), delays="5s,30s")


def after(attempt: int, error: Exception) -> Again | GiveUp:
    """Return what a failed attempt means under the policy."""
    failed = Failed(
        attempt=attempt,
        retries=4,
        deadline=None,
        now=datetime(2026, 1, 1, tzinfo=UTC),
        failure=Failure(ErrorCode.PROCESSING_FAILED, "it broke", retryable=True),
        error=error,
        policy=POLICY,
    )
    return recover(failed, LADDER)


def test_an_exception_that_is_never_retried_ends_at_once_and_says_so() -> None:
    """A subclass counts as well, and the asker is told that trying again cannot help."""
    verdict = after(1, KeyError("x"))
    assert isinstance(verdict, GiveUp)
    assert "never retries" in verdict.failure.reason
    assert not verdict.failure.retryable


def test_an_exception_retried_at_once_waits_from_the_second_time_on() -> None:
    """A broken connection is made anew at once; a service that is down is not hammered."""
    first, second = after(1, ConnectionResetError()), after(2, ConnectionResetError())
    assert isinstance(first, Again)
    assert first.delay is None
    assert isinstance(second, Again)
    assert second.delay is not None


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 10), (2, 60), (3, 60), (4, 60)])
def test_own_delays_take_the_first_rung_that_is_long_enough(attempt: int, seconds: int) -> None:
    """Asked for 5 s and 30 s on a ladder of 1 s, 10 s, 60 s; the last one repeats."""
    verdict = after(attempt, ValueError())
    assert isinstance(verdict, Again)
    assert verdict.delay is not None
    assert verdict.delay.seconds == seconds


def test_what_the_processor_asks_for_goes_before_its_policy() -> None:
    """`Retry(after=1)` waits 1 s although the policy says 5 s."""
    verdict = after(1, Retry(after=1))
    assert isinstance(verdict, Again)
    assert verdict.delay == Delay(1, "s")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"never": ValueError}, "tuple of exception classes"),
        ({"at_once": ("ValueError",)}, "tuple of exception classes"),
        ({"never": (OSError,), "at_once": (OSError,)}, "OSError"),
        ({"delays": "soon"}, "'soon' is no delay"),
        ({"delays": "10s,1s"}, "not longer"),
    ],
)
def test_a_policy_that_cannot_work_is_refused_where_it_is_written(
    wrong: dict[str, object],
    told: str,
) -> None:
    """The author reads what to write instead."""
    with pytest.raises(RegistrationError, match=told):
        RetryPolicy(**wrong)  # type: ignore[arg-type] # what a type checker would have refused


class Nothing(BaseModel):
    """No parameters."""


async def test_a_processors_policy_decides_how_its_failures_end() -> None:
    """Its own delays give as many retries as there are; its never gives none."""
    registry = Registry()

    @registry.task("declined", parameters=Nothing, retry=POLICY)
    async def declined(_nothing: Nothing, _context: Context) -> Nothing:
        raise KeyError("no such card")

    @registry.task("cut", parameters=Nothing, retry=POLICY)
    async def cut(_nothing: Nothing, _context: Context) -> Nothing:
        raise ConnectionResetError

    rehearsal = Rehearsal(registry)
    assert isinstance(await rehearsal.task("declined"), DeadLettered)
    outcome = await rehearsal.task("cut")
    assert isinstance(outcome, Retried)
    assert outcome.delay is None
    assert outcome.attempt == 1
