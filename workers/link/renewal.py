"""Queues that go on refusing what one channel sends them, and might take it from another. Pure.

A channel of RabbitMQ 3.10 whose first message for a quorum queue comes in the moment in which the
queue's leader has died, and no other is known yet, hears of no other one: it refuses each message
for that queue until the dead node is back. On any other channel the queue takes them. From here
that looks like a full queue; so where a queue goes on refusing, a fresh channel is worth a try:
soon at first, and ever more rarely while that changes nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds a queue refuses messages until a fresh channel is tried; doubled with each try in vain.
FIRST_TRY: Final = 1.0
LONGEST_TRY: Final = 60.0
#: Seconds without a refusal after which all is well.
FORGOTTEN: Final = 2 * LONGEST_TRY
#: Queues remembered; whoever asks may invent as many addresses as it likes.
MOST_QUEUES: Final = 1_024


class Renewal:
    """Says when a channel is worth being changed for another."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: Exchange and routing key → when it first refused something on this channel.
        self._since: dict[tuple[str, str], float] = {}
        self._latest = 0.0
        self._wait = FIRST_TRY
        #: Whether a queue has refused for long enough.
        self.due = False

    def refused(self, exchange: str, routing_key: str) -> None:
        """Note that a queue did not take a message."""
        now = self._clock()
        if now - self._latest > FORGOTTEN:
            self._wait = FIRST_TRY
            self._since.clear()
        self._latest = now
        first = self._since.setdefault((exchange, routing_key), now)
        if now - first >= self._wait:
            self.due = True
        if len(self._since) > MOST_QUEUES:
            del self._since[next(iter(self._since))]

    def renewed(self) -> None:
        """Begin anew on a fresh channel."""
        if self.due:
            self._wait = min(2 * self._wait, LONGEST_TRY)
        self.due = False
        self._since.clear()
