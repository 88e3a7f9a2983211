"""What a failed attempt means: another one on a rung of the ladder, or the end. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from messages import ErrorCode
from workers.answering.unsayable import Unsayable
from workers.executor.ends import Afar
from workers.outcome import Attempt, Failure
from workers.retry_policy import AS_SET
from workers.verdicts import Retry

if TYPE_CHECKING:
    from datetime import datetime

    from topology import Delay
    from workers.retry_policy import RetryPolicy


#: Characters of a name in a program that are told of it; one that was made up may have any number.
LONGEST_NAME: Final = 200


class NotNow(Exception):
    """The work cannot begin now, through no fault of its own: it waits, no attempt counted."""

    def __init__(self, reason: str, *, after: float) -> None:
        super().__init__(reason)
        self.reason = reason
        #: Seconds.
        self.after = after


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs a retry can wait on, shortest first; never empty."""

    delays: tuple[Delay, ...]

    def rung(self, attempt: int, after: float | None = None) -> Delay:
        """Return the rung for a failed attempt (1 for the first), or the first of `after` seconds.

        Past its end the ladder goes on with its longest delay.
        """
        if after is not None:
            return next((rung for rung in self.delays if rung.seconds >= after), self.delays[-1])
        return self.delays[min(attempt, len(self.delays)) - 1]


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after a wait on this rung, or at once where it is None."""

    delay: Delay | None
    failure: Failure


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No further attempt can help or be made in time."""

    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """One failed attempt, and what limits the next one."""

    attempt: int
    retries: int
    deadline: datetime | None
    now: datetime
    failure: Failure
    #: What was raised; None for an attempt that was stopped.
    error: BaseException | None = None
    policy: RetryPolicy = AS_SET

    @property
    def after(self) -> float | None:
        """Seconds asked for by `Retry(after=…)`, else by the policy."""
        asked = self.error.after if isinstance(self.error, Retry) else None
        return self.policy.after(self.attempt) if asked is None else asked


def recover(failed: Failed, ladder: Ladder) -> Again | GiveUp:
    """Return whether a failed attempt is tried again and when; the reason says why not."""
    failure, policy = failed.failure, failed.policy
    if policy.ends(failed.error):
        why = "its processor never retries that"
        return GiveUp(failure._replace(reason=f"{failure.reason} ({why})", retryable=False))
    if failed.attempt > failed.retries:
        tries = "1 attempt" if failed.attempt == 1 else f"{failed.attempt} attempts"
        return GiveUp(failure._replace(reason=f"{failure.reason} (gave up after {tries})"))
    if failed.attempt == 1 and policy.repeats(failed.error):
        return Again(None, failure)
    delay = ladder.rung(failed.attempt, failed.after)
    if comes_too_late(delay, failed.deadline, failed.now):
        why = f"the next attempt in {delay} would come after the deadline"
        return GiveUp(failure._replace(reason=f"{failure.reason} ({why})"))
    return Again(delay, failure)


def comes_too_late(delay: Delay, deadline: datetime | None, now: datetime) -> bool:
    """Return whether what waits on this rung is back only when nobody wants it any more."""
    return deadline is not None and delay.seconds >= (deadline - now).total_seconds()


def failure_of(error: BaseException) -> Failure:
    """Return what is told about an exception: its type, never its text, which may hold secrets."""
    if isinstance(error, Retry):
        return Failure(
            ErrorCode.PROCESSING_FAILED,
            error.reason or "the processor asked for a retry",
            retryable=True,
            exception="Retry",
        )
    if isinstance(error, Afar):
        return error.failure
    if isinstance(error, Unsayable):
        name = type(error).__name__
        return Failure(ErrorCode.PROCESSING_FAILED, str(error), retryable=True, exception=name)
    return raised("the processor", error)


def raised(who: str, error: BaseException) -> Failure:
    """Return what is told of an exception that somebody raised."""
    name = type(error).__name__[:LONGEST_NAME]
    return Failure(
        ErrorCode.PROCESSING_FAILED,
        f"{who} raised {name}{place(error)}",
        retryable=True,
        exception=name,
    )


def place(error: BaseException) -> str:
    """Return where an exception was raised, as ` in function (module, line 12)`, or nothing."""
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    module = trace.tb_frame.f_globals.get("__name__", "?")
    where = f"{code.co_qualname[:LONGEST_NAME]} ({module[:LONGEST_NAME]}, line {trace.tb_lineno})"
    return f" in {where}"


def attempt_of(failure: Failure, *, attempt: int, now: datetime, worker: str) -> Attempt:
    """Return one line of history."""
    return Attempt(attempt, failure.code.value, failure.reason, now.isoformat(), worker)
