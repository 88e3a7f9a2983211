"""An outbox on a paper wire, for the tests of what becomes of publications."""

from __future__ import annotations

from functools import partial

from unit.link.paper import PaperWire
from waiting import turn

from workers.link.outbox import Outbox
from workers.publication import Publication, Published

#: The fates, in short.
C, N, R, U = Published.CONFIRMED, Published.REFUSED, Published.RETURNED, Published.UNKNOWN


class Sending:
    """An outbox on a paper wire, and the fates that were told."""

    def __init__(self, *, resend: bool = True, frame_max: int = 131_072) -> None:
        self.outbox = Outbox(user="guest", resend=resend)
        self.frame_max = frame_max
        self.fates: dict[int, Published] = {}
        self.wanted = True
        self.now = 0.0
        self.outbox._clock = lambda: self.now
        self.wire = self.attach()

    def attach(self) -> PaperWire:
        """Begin a life."""
        self.wire = PaperWire(self.frame_max)
        self.outbox.attach(self.wire, 1)  # type: ignore[arg-type] # all that an outbox needs of it
        return self.wire

    def send(self, *numbers: int, body: bytes = b"body") -> None:
        """Publish some."""
        for number in numbers:
            message = Publication("", f"q{number}", body)
            self.outbox.publish(message, partial(self._told, number), wanted=lambda: self.wanted)

    def _told(self, number: int, fate: Published) -> None:
        assert number not in self.fates, "told twice"
        self.fates[number] = fate


async def written(sending: Sending) -> list[str]:
    """Return the ids of what is written once the loop has turned."""
    await turn()
    return sending.wire.ids()
