"""Whether a worker is alive and whether it takes messages: what probes are told, and why."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: The lines, and the store, without which nothing can be done: being without one for long is a
#: reason to leave.
LINES: Final = ("consuming", "publishing", "inbox")
#: What else may be in the way, in the order in which it is told. None is a reason to leave.
_OTHERS: Final = ("paused", "blocked", "held")


class Health:
    """The state probes ask for; the service tells it each change."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._in_the_way: dict[str, str] = {"consuming": "starting: nothing is consumed yet"}
        self._since = clock()
        self._over = ""
        #: What else there is to say while it is ready.
        self.remark = ""

    @property
    def leaving(self) -> bool:
        """Whether this worker is leaving or has left."""
        return bool(self._over)

    @property
    def reason(self) -> str | None:
        """Why this worker is not ready, or None while it is."""
        if self._over:
            return self._over
        told = (self._in_the_way.get(what) for what in (*LINES, *_OTHERS))
        return next((reason for reason in told if reason), None)

    def hindrances(self) -> dict[str, int]:
        """Return 1 for each thing that is in the way, 0 for each that is not: a closed list."""
        there = {what: int(what in self._in_the_way) for what in (*LINES, *_OTHERS)}
        return there | {"leaving": int(bool(self._over))}

    @property
    def connected(self) -> bool:
        """Whether both lines are there, whatever else is in the way."""
        return not any(line in self._in_the_way for line in LINES)

    def not_consuming_for(self) -> float:
        """Return for how many seconds a line was missing; 0 while both are there."""
        return 0.0 if self.connected or self._over else self._clock() - self._since

    def consuming(self) -> None:
        """Note that messages are taken."""
        self.line("consuming", None)

    def not_consuming(self, reason: str) -> None:
        """Note why no messages are taken; a later reason does not make it shorter."""
        self.line("consuming", reason)

    def line(self, name: str, reason: str | None) -> None:
        """Note what is wrong with one of the two lines, or that it is there."""
        if reason is not None and self.connected:
            self._since = self._clock()
        self._note(name, reason)

    def paused(self, reason: str | None) -> None:
        """Note that somebody wants no messages taken for now, or that they are again."""
        self._note("paused", reason)

    def blocked(self, blocked: bool) -> bool:  # noqa: FBT001 - the broker's own yes or no
        """Note whether the broker holds us back: then we are not ready, but need not leave.

        Returns whether that is news.
        """
        news = blocked != ("blocked" in self._in_the_way)
        reason = "blocked: the broker is in alarm (memory or disk) and takes no publications"
        self._note("blocked", reason if blocked else None)
        return news

    def held(self, reason: str | None) -> None:
        """Note why messages stay with us that are done but for a copy nobody takes."""
        self._note("held", reason)

    def draining(self) -> None:
        """Note that the worker is leaving."""
        self._over = "draining: the worker is leaving"

    def stopped(self) -> None:
        """Note that the worker has left."""
        self._over = "stopped"

    def _note(self, what: str, reason: str | None) -> None:
        if reason is None:
            self._in_the_way.pop(what, None)
        else:
            self._in_the_way[what] = reason
