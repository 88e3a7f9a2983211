"""Whether a worker is alive and whether it takes messages: what probes are told, and why."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Health:
    """The state probes ask for; the service tells it each change."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._reason: str | None = "starting: nothing is consumed yet"
        self._since = clock()
        self._leaving = False
        self._held = False

    @property
    def reason(self) -> str | None:
        """Why this worker is not ready, or None while it is."""
        if self._reason is None and self._held:
            return "blocked: the broker is in alarm (memory or disk) and takes no publications"
        return self._reason

    def not_consuming_for(self) -> float:
        """Return for how many seconds no messages have been taken; 0 while they are."""
        return 0.0 if self._reason is None or self._leaving else self._clock() - self._since

    def consuming(self) -> None:
        """Note that messages are taken."""
        if not self._leaving:
            self._reason = None

    def not_consuming(self, reason: str) -> None:
        """Note why no messages are taken; a later reason does not make it shorter."""
        if self._leaving:
            return
        if self._reason is None:
            self._since = self._clock()
        self._reason = reason

    def blocked(self, blocked: bool) -> None:  # noqa: FBT001 - the broker's own yes or no
        """Note whether the broker holds us back: then we are not ready, but need not leave."""
        self._held = blocked

    def draining(self) -> None:
        """Note that the worker is leaving."""
        self._leaving = True
        self._reason = "draining: the worker is leaving"

    def stopped(self) -> None:
        """Note that the worker has left."""
        self._reason = "stopped"
