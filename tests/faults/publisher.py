"""The publisher, a process of its own: `python -m faults.publisher ORDER`.

Every request is published at most once, so that an answer that comes twice is the service's doing.
When the line is lost it connects anew and goes on with the next number; what was unconfirmed stays
unknown. It ends when as many as ordered are confirmed, or when its time is over.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from faults.ledger import Ledger
from faults.raw import Gone, Raw
from faults.requests import Order, number_of

if TYPE_CHECKING:
    from faults.raw import Told

#: Seconds between tries to connect.
AGAIN_AFTER: Final = 0.1
#: Seconds for the broker's word when there is nothing to send.
TURN: Final = 0.02
#: Seconds of nothing but refusals after which another connection is tried: one that came while a
#: quorum queue had no leader may never hear of the next.
REFUSED_FOR: Final = 1.0
#: Messages prepared between two looks at the socket.
HANDFUL: Final = 50


class Publisher:
    """Works through one order."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._ledger = Ledger(Path(order.ledger))
        self._next = order.first
        self._confirmed = 0
        self._began = time.monotonic()
        self._tags: dict[int, int] = {}
        self._tag = 0
        self._told_to_end = False
        #: When the first of a row of refusals came.
        self._refused_since: float | None = None

    def end(self) -> None:
        """Send nothing beyond the count any more."""
        self._told_to_end = True

    def run(self) -> None:
        """Publish until it is done."""
        while not self._is_over():
            try:
                with Raw(self._order.url) as raw:
                    self._tags, self._tag, self._refused_since = {}, 0, None
                    while not self._is_over():
                        self._turn(raw)
            except Gone:
                time.sleep(AGAIN_AFTER)

    def _is_over(self) -> bool:
        order = self._order
        if time.monotonic() - self._began > order.within:
            return True
        going_on = order.endless and not (self._told_to_end and not self._tags)
        return self._confirmed >= order.count and not going_on

    def _turn(self, raw: Raw) -> None:
        room = min(HANDFUL, self._allowed()) if raw.unsent < 1_000_000 else 0
        numbers = range(self._next, self._next + max(0, room))
        self._ledger.sending(numbers)
        for number in numbers:
            key, properties, body = self._order.message(number)
            raw.post(self._order.exchange, key, properties, body)
            self._tag += 1
            self._tags[self._tag] = number
        self._next = numbers.stop
        self._heed(raw.turn(0.0 if numbers else TURN))

    def _allowed(self) -> int:
        """Return how many may be sent now."""
        order = self._order
        allowed = order.window - len(self._tags)
        if not order.endless or self._told_to_end:
            allowed = min(allowed, order.count - self._confirmed - len(self._tags))
        if order.rate:
            due = int((time.monotonic() - self._began) * order.rate) - (self._next - order.first)
            allowed = min(allowed, due)
        return allowed

    def _heed(self, told: list[Told]) -> None:
        confirmed: list[int] = []
        refused: list[int] = []
        returned = [
            number
            for one in told
            if one.kind == "return"
            and (number := number_of(self._order.run, one.returned)) is not None
        ]
        for one in told:
            if one.kind != "return":
                tags = [tag for tag in self._tags if tag <= one.tag] if one.multiple else [one.tag]
                numbers = [self._tags.pop(tag) for tag in tags if tag in self._tags]
                (confirmed if one.kind == "ack" else refused).extend(numbers)
        self._ledger.told("r", returned)
        self._ledger.told("n", refused)
        self._ledger.told("c", confirmed)
        self._confirmed += len(confirmed)
        if confirmed:
            self._refused_since = None
        elif refused:
            now = time.monotonic()
            self._refused_since = self._refused_since or now
            if now - self._refused_since > REFUSED_FOR:
                raise Gone


def main() -> None:
    """Carry out the order on the command line."""
    publisher = Publisher(Order.of(sys.argv[1]))
    signal.signal(signal.SIGTERM, lambda *_: publisher.end())
    publisher.run()


if __name__ == "__main__":
    main()
