"""What a failed attempt means: another one on a rung of the ladder, or the end. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from messages import ErrorCode
from workers.outcome import Attempt, Failure
from workers.verdicts import Retry

if TYPE_CHECKING:
    from datetime import datetime

    from topology import Delay


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
    """Try again after a wait on this rung."""

    delay: Delay
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
    #: Asked for by `Retry(after=…)`, in seconds.
    after: float | None = None


def recover(failed: Failed, ladder: Ladder) -> Again | GiveUp:
    """Return whether a failed attempt is tried again and when; the reason says why not."""
    failure = failed.failure
    if failed.attempt > failed.retries:
        tries = "1 attempt" if failed.attempt == 1 else f"{failed.attempt} attempts"
        return GiveUp(failure._replace(reason=f"{failure.reason} (gave up after {tries})"))
    delay = ladder.rung(failed.attempt, failed.after)
    if failed.deadline is not None:
        left = (failed.deadline - failed.now).total_seconds()
        if delay.seconds >= left:
            why = f"the next attempt in {delay} would come after the deadline"
            return GiveUp(failure._replace(reason=f"{failure.reason} ({why})"))
    return Again(delay, failure)


def failure_of(error: BaseException) -> Failure:
    """Return what is told about an exception: its type, never its text, which may hold secrets."""
    if isinstance(error, Retry):
        return Failure(
            ErrorCode.PROCESSING_FAILED,
            error.reason or "the processor asked for a retry",
            retryable=True,
            exception="Retry",
        )
    name = type(error).__name__
    return Failure(
        ErrorCode.PROCESSING_FAILED,
        f"the processor raised {name}{place(error)}",
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
    return f" in {code.co_qualname} ({module}, line {trace.tb_lineno})"


def attempt_of(failure: Failure, *, attempt: int, now: datetime, worker: str) -> Attempt:
    """Return one line of history."""
    return Attempt(attempt, failure.code.value, failure.reason, now.isoformat(), worker)
