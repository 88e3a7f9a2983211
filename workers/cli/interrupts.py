"""Ctrl-C ends a command with 130 and not a word, also before the command has begun.

Most of a short command's time goes into importing what it needs. An interrupt that Python raises in
the midst of that ends in a traceback, or is swallowed by whatever is being imported.
"""

from __future__ import annotations

import os
import signal

# As type checkers know it: `typing` would be most of what is imported before Ctrl-C is minded.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Final

#: What a shell reports for a program ended by Ctrl-C.
INTERRUPTED: Final = 130


def leaves_at_once() -> None:
    """Have Ctrl-C end the process where it stands: nothing was begun that is to be put in order."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored
        signal.signal(signal.SIGINT, _leave)


def raises() -> None:
    """Have Ctrl-C raise KeyboardInterrupt again: a command that has begun clears up behind it."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def changes_nothing() -> None:
    """Ignore Ctrl-C: the command is over, and Python only puts its things away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def is_behind(error: BaseException | None) -> bool:
    """Whether Ctrl-C is what an error comes from, though another one was made of it."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        if isinstance(error, BaseExceptionGroup):
            return any(map(is_behind, error.exceptions))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)
