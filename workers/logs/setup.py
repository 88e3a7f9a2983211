"""Configures logging once for a process; nobody else touches it."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, TextIO

from workers.logs.lines import JsonLines, TextLines, message_of
from workers.logs.quota import Quota, Verdict

if TYPE_CHECKING:
    from workers.logs.quota import LeftOut

#: Every logger of ours is below this one.
OURS: Final = "leveret"
#: Libraries whose DEBUG and INFO lines hold frames, bodies or every request: never below WARNING.
HELD_BACK: Final = ("aio_pika", "aiormq", "pamqp", "asyncio", "uvicorn", "httpx", "httpcore")
#: Heard at DEBUG only: it logs each try at a broker that is not there, each line that is lost or
#: blocked. Our own lines tell of them too, once, and with what to do.
TOLD_BY_US: Final = ("aiormq.connection",)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlan:
    """How the process logs: its form, the least level of our own lines, who it is."""

    form: Literal["text", "json"] = "text"
    level: str = "INFO"
    #: Told on every JSON line.
    worker: str = ""
    #: Standard error by default.
    stream: TextIO = field(default_factory=lambda: sys.stderr)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes what the quota admits, and later how much it did not."""

    def __init__(self, stream: TextIO, quota: Quota) -> None:
        super().__init__(stream)
        self._quota = quota

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or count it."""
        self.settle()
        match self._quota.judge(record):
            case Verdict.WRITTEN:
                super().emit(record)
            case Verdict.FIRST_COUNTED:
                super().emit(_notice(record, self._quota.window))
            case Verdict.COUNTED:
                pass

    def settle(self) -> None:
        """Write how much was left out in the minutes that are over."""
        for left_out in self._quota.settled():
            super().emit(_summary(left_out))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Stay silent: a log that cannot be written must not stop the work or print its values."""

    def close(self) -> None:
        """Say what was left out since the last line, then close."""
        for left_out in self._quota.settled(all_of_them=True):
            super().emit(_summary(left_out))
        super().close()


def configure(plan: LogPlan, quota: Quota | None = None) -> logging.Handler:
    """Send every log line of this process to the plan's stream; a second call replaces the first.

    Other libraries are heard from WARNING on. Returns the handler.
    """
    handler = _Handler(plan.stream, quota or Quota())
    handler.setFormatter(_lines(plan))
    handler.addFilter(_not_held_back)
    root = logging.getLogger()
    for old in [known for known in root.handlers if isinstance(known, _Handler)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(plan.level)
    for name in HELD_BACK:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in TOLD_BY_US:
        logging.getLogger(name).setLevel(
            logging.WARNING if plan.level == "DEBUG" else logging.CRITICAL
        )
    return handler


def settle() -> None:
    """Write what is due about lines that were left out; call it now and then.

    Else the number after a flood would come with the next line, which may be hours later.
    """
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Handler):
            handler.settle()


def _lines(plan: LogPlan) -> logging.Formatter:
    if plan.form == "json":
        return JsonLines(plan.worker)
    colour = plan.stream.isatty() and "NO_COLOR" not in os.environ
    return TextLines(plan.worker, colour=colour)


def _not_held_back(record: logging.LogRecord) -> bool:
    """Hold whatever the loggers' own levels say: somebody may have lowered them."""
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] not in HELD_BACK


def _notice(record: logging.LogRecord, seconds: float) -> logging.LogRecord:
    """Return a line that says why there are no more like it, in its own words."""
    told = logging.LogRecord(
        record.name,
        record.levelno,
        "",
        0,
        "many lines like this: for up to %d s more of them are counted, not written: %s",
        (seconds, message_of(record)),
        None,
    )
    told.error_code = getattr(record, "error_code", "")
    told.task_type = getattr(record, "task_type", "")
    return told


def _summary(left_out: LeftOut) -> logging.LogRecord:
    kind = left_out.kind
    record = logging.LogRecord(
        kind.logger,
        kind.level,
        "",
        0,
        "%d more lines like: %s",
        (left_out.number, left_out.example),
        None,
    )
    record.error_code = kind.error_code
    record.task_type = kind.task_type
    record.left_out = left_out.number
    record.since = datetime.fromtimestamp(left_out.since, UTC).isoformat(timespec="milliseconds")
    return record
