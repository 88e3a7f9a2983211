"""Keeps a log readable while something fails all the time: so many lines of a kind."""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.logs.lines import message_of

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator

#: Kinds that are counted at once; the one that was quiet longest is forgotten first.
MOST_KINDS: Final = 512


class Kind(NamedTuple):
    """What makes two lines alike: everything but their ids."""

    logger: str
    level: int
    template: str
    error_code: str
    task_type: str


class LeftOut(NamedTuple):
    """Lines of one kind that were not written."""

    kind: Kind
    number: int
    #: When the first of them came, in seconds since 1970, and what it said.
    since: float
    example: str


class Verdict(Enum):
    """What becomes of a line."""

    WRITTEN = "written"
    #: The first of its kind that is only counted: somebody should hear that it begins.
    FIRST_COUNTED = "first counted"
    COUNTED = "counted"


class _Window:
    __slots__ = ("began", "example", "left_out", "since", "written")

    def __init__(self, began: float) -> None:
        self.began = began
        self.written = 0
        self.left_out = 0
        self.since = 0.0
        self.example = ""


class Quota:
    """Lets `most` lines of a kind pass in each `window` seconds, and counts the others."""

    def __init__(
        self, *, most: int = 20, window: float = 60.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._most = most
        #: Seconds.
        self.window = window
        self._clock = clock
        self._windows: OrderedDict[Kind, _Window] = OrderedDict()
        self._forgotten: list[LeftOut] = []
        self._next_look = clock() + window

    def judge(self, record: logging.LogRecord) -> Verdict:
        """Return whether the record is to be written; if not, it is counted."""
        now = self._clock()
        kind = _kind(record)
        window = self._windows.get(kind)
        if window is None or now - window.began >= self.window:
            if window is not None and window.left_out:
                self._forgotten.append(_told(kind, window))
            window = self._windows[kind] = _Window(now)
            self._windows.move_to_end(kind)
            self._forget_oldest()
        if window.written < self._most:
            window.written += 1
            return Verdict.WRITTEN
        window.left_out += 1
        if window.left_out > 1:
            return Verdict.COUNTED
        window.since, window.example = record.created, message_of(record)
        return Verdict.FIRST_COUNTED

    def settled(self, *, all_of_them: bool = False) -> Iterator[LeftOut]:
        """Yield, once each, what was left out in windows that are over (or in all of them)."""
        now = self._clock()
        if self._forgotten:
            forgotten, self._forgotten = self._forgotten, []
            yield from forgotten
        if not all_of_them and now < self._next_look:
            return
        self._next_look = now + self.window
        for kind, window in list(self._windows.items()):
            if all_of_them or now - window.began >= self.window:
                del self._windows[kind]
                if window.left_out:
                    yield _told(kind, window)

    def _forget_oldest(self) -> None:
        if len(self._windows) > MOST_KINDS:
            kind, window = self._windows.popitem(last=False)
            if window.left_out:
                self._forgotten.append(_told(kind, window))


def _told(kind: Kind, window: _Window) -> LeftOut:
    return LeftOut(kind, window.left_out, window.since, window.example)


def _kind(record: logging.LogRecord) -> Kind:
    return Kind(
        record.name,
        record.levelno,
        str(record.msg)[:200],
        str(getattr(record, "error_code", "")),
        str(getattr(record, "task_type", "")),
    )
