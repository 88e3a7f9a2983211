"""Keeps a log readable while something fails all the time: so many lines of a kind."""

from __future__ import annotations

from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

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


class _Window:
    __slots__ = ("began", "left_out", "written")

    def __init__(self, began: float) -> None:
        self.began = began
        self.written = 0
        self.left_out = 0


class Quota:
    """Lets `most` lines of a kind pass in each `window` seconds, and counts the others."""

    def __init__(
        self, *, most: int = 20, window: float = 60.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._most = most
        self._window = window
        self._clock = clock
        self._windows: OrderedDict[Kind, _Window] = OrderedDict()
        self._forgotten: list[LeftOut] = []
        self._next_look = clock() + window

    def admits(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written; if not, it is counted."""
        now = self._clock()
        kind = _kind(record)
        window = self._windows.get(kind)
        if window is None or now - window.began >= self._window:
            if window is not None and window.left_out:
                self._forgotten.append(LeftOut(kind, window.left_out))
            window = self._windows[kind] = _Window(now)
            self._windows.move_to_end(kind)
            self._forget_oldest()
        if window.written < self._most:
            window.written += 1
            return True
        window.left_out += 1
        return False

    def settled(self, *, all_of_them: bool = False) -> Iterator[LeftOut]:
        """Yield, once each, what was left out in windows that are over (or in all of them)."""
        now = self._clock()
        if self._forgotten:
            forgotten, self._forgotten = self._forgotten, []
            yield from forgotten
        if not all_of_them and now < self._next_look:
            return
        self._next_look = now + self._window
        for kind, window in list(self._windows.items()):
            if all_of_them or now - window.began >= self._window:
                del self._windows[kind]
                if window.left_out:
                    yield LeftOut(kind, window.left_out)

    def _forget_oldest(self) -> None:
        if len(self._windows) > MOST_KINDS:
            kind, window = self._windows.popitem(last=False)
            if window.left_out:
                self._forgotten.append(LeftOut(kind, window.left_out))


def _kind(record: logging.LogRecord) -> Kind:
    return Kind(
        record.name,
        record.levelno,
        str(record.msg)[:200],
        str(getattr(record, "error_code", "")),
        str(getattr(record, "task_type", "")),
    )
