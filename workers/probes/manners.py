"""HTTP with manners: whoever connects says soon what they want, or is hung up on.

Without it a stranger who sends half a request, and another, and no end of them, holds sockets for
as long as they like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

#: Seconds in which a connection must bring a whole request; twice as long until that is noticed.
REQUEST_WITHIN: Final = 15.0


class Mannered(H11Protocol):
    """One connection."""

    _late: asyncio.TimerHandle | None = None
    #: The request that was seen at the last look.
    _seen: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to look at the clock."""
        super().connection_made(transport)
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)

    def _look_later(self) -> None:
        self._late = self.loop.call_later(REQUEST_WITHIN, self._look)

    def _look(self) -> None:
        """Hang up where no request began since the last look, and none is being answered."""
        cycle = self.cycle
        if cycle is self._seen and (cycle is None or cycle.response_complete):
            self.transport.close()
            return
        self._seen = cycle
        self._look_later()
