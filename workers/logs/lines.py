"""One record as one line: text for people, JSON for programs."""

from __future__ import annotations

import logging
import time
import traceback
from typing import TYPE_CHECKING, Final

import orjson
from pydantic_core import ValidationError

from workers.logs.clean import LONGEST_FIELD, LONGEST_MESSAGE, clean

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a line may tell besides its message, set by `extra=`; anything else stays out.
FIELDS: Final = (
    "worker",
    "queue",
    "envelope_id",
    "correlation_id",
    "message_type",
    "task_type",
    "outcome",
    "attempt",
    "error_code",
    "letter_id",
    "left_out",
    "since",
)
#: Frames of a traceback: the innermost ones say what happened.
MOST_FRAMES: Final = 20
#: Exceptions of a chain that are told.
LONGEST_CHAIN: Final = 5
#: Characters of an exception's own text.
LONGEST_REASON: Final = 500

_COLOURS: Final = {"DEBUG": "2", "WARNING": "33", "ERROR": "31", "CRITICAL": "31;1"}


class _Lines(logging.Formatter):
    """What both forms share; `worker` is told on every line."""

    def __init__(self, worker: str) -> None:
        super().__init__()
        self._worker = worker
        self._second = 0
        self._stamp = ""

    def _time(self, created: float) -> str:
        """Return ISO 8601, UTC, milliseconds; the part up to the second is made once a second."""
        second = int(created)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._stamp}.{int(created % 1 * 1000):03d}Z"

    def _fields(self, record: logging.LogRecord) -> Iterator[tuple[str, str | int]]:
        for name in FIELDS:
            value = getattr(record, name, None)
            if name == "worker" and not value:
                value = self._worker
            if isinstance(value, int):
                yield name, value
            elif value is not None and value != "":
                yield name, clean(str(value), LONGEST_FIELD)


class TextLines(_Lines):
    """For people: time, level, logger, message, then the ids; a traceback below, indented."""

    def __init__(self, worker: str = "", *, colour: bool = False) -> None:
        super().__init__(worker)
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        level = f"{record.levelname:<8}"
        colour = _COLOURS.get(record.levelname) if self._colour else None
        if colour:
            level = f"\x1b[{colour}m{level}\x1b[0m"
        told = " ".join(
            f"{name}={value}" for name, value in self._fields(record) if name != "worker"
        )
        line = f"{self._time(record.created)} {level} {record.name}: {message_of(record)}"
        if told:
            line = f"{line} [{told}]"
        return "\n    ".join((line, *_trace(record)))


class JsonLines(_Lines):
    """For programs: one JSON object, whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry: dict[str, object] = {
            "timestamp": self._time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message_of(record),
            **dict(self._fields(record)),
        }
        trace = _trace(record)
        if trace:
            entry["exception"] = "\n".join(trace)
        return orjson.dumps(entry).decode()


def message_of(record: logging.LogRecord) -> str:
    """Return what a record says, on one line and of bounded length; raises nothing."""
    try:
        text = record.getMessage()
    except (TypeError, ValueError):
        # The library would print the arguments, and with them what a sender wrote.
        text = f"{record.msg} (its arguments do not fit)"
    return clean(text, LONGEST_MESSAGE)


def _trace(record: logging.LogRecord) -> tuple[str, ...]:
    if not record.exc_info or record.exc_info[1] is None:
        return ()
    lines: list[str] = []
    # `extra={"untold": True}` keeps back an exception's own text, which may quote a body.
    told = _name if getattr(record, "untold", False) else _told
    error: BaseException | None = record.exc_info[1]
    for _ in range(LONGEST_CHAIN):
        if error is None:
            break
        lines.append(told(error))
        frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
        lines.extend(
            f"  {clean(frame.filename)}:{frame.lineno} in {frame.name}" for frame in frames
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if error is not None:
            lines.append("because of")
    return tuple(lines)


def _name(error: BaseException) -> str:
    return type(error).__name__


def _told(error: BaseException) -> str:
    """Return an exception's type and text; a validation error's text quotes what was sent."""
    name = type(error).__name__
    if isinstance(error, ValidationError):
        return f"{name}: {error.error_count()} errors in {clean(error.title, LONGEST_FIELD)}"
    return f"{name}: {clean(str(error), LONGEST_REASON)}"
