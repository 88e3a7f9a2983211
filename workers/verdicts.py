"""What a processor may raise to say how a message ends; anything else it raises is transient."""

from __future__ import annotations

from math import isnan
from typing import Final

#: Characters of a reason that are told.
LONGEST_REASON: Final = 1_000


class Reject(Exception):
    """Ends the message here: dead-lettered as `rejected` and answered with the reason, no retry.

    `reason` is one line; it is shown to the asker and to operators, so put no secrets into it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = _sendable(reason)


class Retry(Exception):
    """Sends the message back for another attempt on the first rung that waits at least `after` s.

    It counts as an attempt: when they are spent, or the task's deadline would pass on the rung, the
    message is dead-lettered as `processing_failed` at once.
    """

    def __init__(self, reason: str = "", *, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = _sendable(reason)
        if after is not None and (not isinstance(after, int | float) or isnan(after)):
            raise TypeError(f"Retry(after=…) is so many seconds, and no {type(after).__name__}")
        self.after = after


def _sendable(reason: object) -> str:
    """Return a text that fits an answer: a file's name may hold what UTF-8 cannot carry."""
    return str(reason)[:LONGEST_REASON].encode("utf-8", "replace").decode()
