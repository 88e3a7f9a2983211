"""How work in another process can end badly, as what is raised here for it. Pure.

The exception itself stays where it was raised: what travels are its names and its place, never its
text, which may hold secrets.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from messages import ErrorCode
from workers.outcome import Failure, ProcessUse

if TYPE_CHECKING:
    from collections.abc import Sequence


class Afar(Exception):
    """A failure in another process; `lineage` names the classes of what was raised there."""

    def __init__(self, failure: Failure, lineage: Sequence[str] = ()) -> None:
        super().__init__(failure.reason)
        self.failure = failure
        self.lineage = frozenset(lineage)


def died(route: str, exit_code: int, use: ProcessUse) -> Afar:
    """Return what is raised for a process that ended in the middle of its work."""
    how = f"was killed by {use.signal}" if use.signal else f"ended with exit code {exit_code}"
    if use.signal == "SIGKILL":
        how += " (from outside: out of memory?)"
    return Afar(
        Failure(
            ErrorCode.PROCESSING_FAILED,
            f"the process of {route} {how}; {told(use)}",
            retryable=True,
            exception=f"killed by {use.signal}" if use.signal else f"exit code {exit_code}",
            process=use,
        )
    )


def overran(route: str, use: ProcessUse) -> Afar:
    """Return what is raised for work that was killed at its time limit."""
    return Afar(
        Failure(
            ErrorCode.TIMEOUT,
            f"the processor ran past its time limit and the process of {route} was killed; "
            f"{told(use)}",
            retryable=True,
            exception="TimeoutError",
            process=use,
        )
    )


def unready(route: str, why: str, exception: str) -> Afar:
    """Return what is raised where the process could not be made ready for any work."""
    reason = f"the process of {route} could not be started: {why}"
    return Afar(Failure(ErrorCode.PROCESSING_FAILED, reason, retryable=True, exception=exception))


def told(use: ProcessUse) -> str:
    """Return what the work used, for people."""
    return (
        f"it ran {use.seconds:.2f} s, used {use.user_seconds:.2f} s of user and "
        f"{use.system_seconds:.2f} s of system time, and {use.max_rss_bytes / 1e6:.0f} MB at most"
    )


def signal_name(exit_code: int) -> str:
    """Return the name of the signal that an exit code of -N stands for; empty for others."""
    if exit_code >= 0:
        return ""
    try:
        return signal.Signals(-exit_code).name
    except ValueError:  # real-time signals have numbers only
        return f"signal {-exit_code}"
