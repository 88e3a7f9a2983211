"""What is done about a standard stream that is closed, full, or that nobody reads any more."""

from __future__ import annotations

import os
import sys
from typing import Final

#: The standard streams by their descriptors, and how a stand-in for each is opened. Reading finds
#: nothing; what is said is lost; a result that goes nowhere is an error, as a closed file is.
_STREAMS: Final = (
    ("stdin", os.O_RDONLY, "r"),
    ("stdout", os.O_RDONLY, "w"),
    ("stderr", os.O_WRONLY, "w"),
)
#: The files that write to standard output: ours, and the library's that draws tables and help.
_PRINTERS: Final = (f"{os.sep}cli{os.sep}say.py", f"{os.sep}rich{os.sep}console.py")


def stand_in() -> None:
    """Put something in the place of standard streams that were closed by whoever started this.

    Python has None for them: `print` to such a standard error goes to standard output, and the next
    file or socket that is opened takes the stream's number.
    """
    for name, flags, mode in _STREAMS:
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode))


def unwritten(error: BaseException | None) -> OSError | None:
    """Return why standard output did not take all of what was printed, or None where it did.

    `error` is what ended the command. What the stream still holds is dropped where it is to blame,
    or Python would try it again, and complain, when it ends.
    """
    found = None if error is None else _of_printing(error)
    try:
        sys.stdout.flush()
    except OSError as late:
        found = found or late
    if found is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return found


def _of_printing(error: BaseException) -> OSError | None:
    if isinstance(error, BaseExceptionGroup):
        return next((found for one in error.exceptions if (found := _of_printing(one))), None)
    if isinstance(error, BrokenPipeError):  # a broker's is told as a lost connection
        return error
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not isinstance(error, OSError):
        return None
    return error if trace.tb_frame.f_code.co_filename.endswith(_PRINTERS) else None
