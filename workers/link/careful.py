"""A line that carries one message at a time, so that the one which costs its channel is known.

The broker closes the channel for a message that it takes from nobody, one larger than its limit
above all, and does not say which it was. Sent again with the others it would close the next channel
too, for ever. So what was under way then goes here, one after the other, and so does from then on
whatever is as large as the one that was found.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from math import inf
from typing import TYPE_CHECKING

from workers.link.outbox import Outbox, Waiting
from workers.link.publishing import Publishing
from workers.link.side import LONGEST_WAIT
from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from workers.link.plan import LinkPlan

#: What shows that the broker takes a message of this size.
_TAKEN = frozenset({Published.CONFIRMED, Published.RETURNED, Published.REFUSED})


class CarefulLine:
    """Carries what may cost its sender the channel, on a connection of its own."""

    def __init__(self, plan: LinkPlan) -> None:
        self.outbox = Outbox(user=plan.user)
        self._line = Publishing(plan, self.outbox, "careful")
        self._line.supervisor.longest_wait = LONGEST_WAIT
        self._line.spoilt = self._found
        self._opened = False
        self._next: deque[Waiting] = deque()
        #: What is on the way.
        self._out: Waiting | None = None
        #: Bytes of the smallest body that the broker took from nobody; what is smaller is no case
        #: for this line.
        self.too_large: float = inf
        #: Called when that changes.
        self.changed: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        """Count what is not settled with the broker yet."""
        return len(self._next) + (self._out is not None)

    def take(self, many: Iterable[Waiting]) -> None:
        """Send each of these when those before have come to their fate."""
        self._next.extend(many)
        if not self._opened and self._next:
            self._opened = True
            self._line.supervisor.begin()
        self._go_on()

    async def empty(self) -> None:
        """Wait until the broker has answered for everything."""
        while self:
            await self.outbox.empty()

    async def stop(self) -> None:
        """Close the line."""
        await self._line.supervisor.stop()

    def _go_on(self) -> None:
        while self._out is None and self._next:
            one = self._next.popleft()
            if not one.wanted():  # its session ended while it waited for those before it
                one.done(Published.UNKNOWN)
                continue
            self._out = one
            self.outbox.publish(one.message, partial(self._told, one), wanted=one.wanted)

    def _told(self, one: Waiting, fate: Published) -> None:
        self._out = None
        size = len(one.message.body)
        if fate in _TAKEN and size >= self.too_large:
            self._note(inf)  # the broker's limit was raised
        one.done(fate)
        self._go_on()

    def _found(self, culprits: Iterable[Waiting]) -> None:
        """Report what cost this line its channel: it was alone on it."""
        for one in culprits:
            self._note(min(self.too_large, len(one.message.body)))
            one.done(Published.UNSENDABLE)

    def _note(self, size: float) -> None:
        self.too_large = size
        self.changed()
