"""Exchanges that are closed to us: one message at a time knocks, and the others wait for its fate.

The broker closes the channel of whoever publishes to an exchange that is gone, or not for us to
write to. A hundred messages that each try on their own cost a hundred channels; one that knocks for
all of them costs one now and then.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import Callable

#: What shows that an exchange is there: it gave the message back, or to a queue that is full.
_OPEN: Final = frozenset({Published.CONFIRMED, Published.RETURNED, Published.REFUSED})
#: Seconds until the first knock; doubled with each that is in vain, up to the longest.
FIRST_KNOCK: Final = 0.25
LONGEST_KNOCK: Final = 15.0


class Waiting(NamedTuple):
    """A message that waits for its exchange."""

    #: Publishes it; called once, or never where it is not wanted any more.
    go: Callable[[], None]
    #: Whether it is still ours to settle.
    wanted: Callable[[], bool]
    #: Called instead of `go` when it is not.
    gone: Callable[[], None]


@dataclass(slots=True)
class _Door:
    """One closed exchange."""

    #: Seconds until the next knock.
    wait: float = 0.0
    #: Whether a knock is due; if not, one is out and its fate is not known yet.
    due: bool = False
    waiting: deque[Waiting] = field(default_factory=deque)


class Knocking:
    """Keeps what waits for closed exchanges, and tries each of them now and then."""

    def __init__(self, later: Callable[[float, Callable[[], None]], None]) -> None:
        self._later = later
        #: Exchange → who waits there. Empty while every exchange takes what it is sent.
        self.closed: dict[str, _Door] = {}

    def told(self, exchange: str, fate: Published) -> float:
        """Take in what became of a message; return the seconds to the knock it made due, or 0."""
        door = self.closed.get(exchange)
        if fate in _OPEN:
            if door is not None:
                del self.closed[exchange]
                all_, door.waiting = door.waiting, deque()  # a knock that is due finds nobody
                for waiting in all_:
                    waiting.go() if waiting.wanted() else waiting.gone()
            return 0.0
        if door is None and fate is Published.CLOSED:
            door = self.closed[exchange] = _Door()
        if door is None or door.due:
            return 0.0
        door.due = True
        door.wait = min(2 * door.wait, LONGEST_KNOCK) or FIRST_KNOCK
        self._later(door.wait, partial(self._knock, exchange, door))
        return door.wait

    def wait(self, exchange: str, waiting: Waiting) -> None:
        """Keep a message until its exchange takes another, or it is its own turn to knock."""
        self.closed[exchange].waiting.append(waiting)

    def _knock(self, exchange: str, door: _Door) -> None:
        """Let the first one try that is still wanted, and go those that are not."""
        door.due = False
        all_, door.waiting = door.waiting, deque()
        for waiting in all_:
            if waiting.wanted():
                door.waiting.append(waiting)
            else:
                waiting.gone()
        if door.waiting:
            door.waiting.popleft().go()
        elif self.closed.get(exchange) is door:
            del self.closed[exchange]
