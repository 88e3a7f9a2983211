"""What a processor may raise to say how a message ends; anything else it raises is transient."""

from __future__ import annotations


class Reject(Exception):
    """Ends the message here: dead-lettered as `rejected` and answered with the reason, no retry.

    `reason` is one line; it is shown to the asker and to operators, so put no secrets into it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Retry(Exception):
    """Sends the message back for another attempt on the first rung that waits at least `after` s.

    It counts as an attempt: when they are spent, or the task's deadline would pass on the rung, the
    message is dead-lettered as `processing_failed` at once.
    """

    def __init__(self, reason: str = "", *, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after
