"""Stops the work of one type while everything of it fails, so that attempts are not burnt.

A service that is down fails every message that needs it. Without a brake they all spend their
attempts and end as dead letters that an operator must replay. With it, after so many failures in a
row and no success, messages of that type are put off to a retry rung without counting an attempt,
and one at a time goes through as a probe. The first success lets everything through again.

What is put off waits at the broker, not with us: other types keep the whole prefetch. It waits on a
longer rung the longer the trouble lasts, so that a large backlog does not turn in a hot circle.
Each worker process finds out for itself. A probe is an ordinary attempt, so that what fails for
ever still comes to an end; a message with attempts to spare is taken first.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from workers.recovery import NotNow

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.outcome import Delivery
    from workers.registry import Route

log = logging.getLogger("leveret.brake")

#: Failures in a row, without a success, that mean an outage: one bad message fails five times.
IN_A_ROW: Final = 20
#: Seconds in which they must have happened; failures over a whole day are no outage.
WITHIN: Final = 60.0
#: Seconds between two probes, doubled after each that failed.
FIRST_PROBE: Final = 1.0
LONGEST_PROBE: Final = 15.0
#: Seconds without a probe until a message on its last attempt may be one.
LAST_RESORT: Final = 60.0
#: Seconds the longest wait is asked for: how long the end of an outage may go unnoticed.
LONGEST_HOLD: Final = 60.0


class Brake:
    """What is known about the failures of one type of work."""

    def __init__(self, now: float) -> None:
        self.failures: deque[float] = deque(maxlen=IN_A_ROW)
        self.engaged_at: float | None = None
        self.probe: Delivery | None = None
        self.probed_at = now
        self.apart = FIRST_PROBE

    def may_probe(self, now: float, *, last_attempt: bool) -> bool:
        """Whether a message may go through to see how things are."""
        waited = now - self.probed_at
        return self.probe is None and waited >= (LAST_RESORT if last_attempt else self.apart)


class Brakes:
    """The brakes of one worker; costs nothing while nothing fails."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: Types that failed since their last success; empty in good times.
        self.doubts: dict[Route, Brake] = {}

    @property
    def engaged(self) -> tuple[Route, ...]:
        """The types that are being held now."""
        return tuple(route for route, brake in self.doubts.items() if brake.engaged_at is not None)

    def check(self, route: Route, delivery: Delivery, *, last_attempt: bool) -> None:
        """Raise NotNow for what must wait; a message let through while engaged is the probe."""
        brake = self.doubts.get(route)
        if brake is None or brake.engaged_at is None:
            return
        now = self._clock()
        if brake.may_probe(now, last_attempt=last_attempt):
            brake.probe, brake.probed_at = delivery, now
            return
        so_far = now - brake.engaged_at
        raise NotNow(
            "every recent attempt of this type failed; waiting until one succeeds",
            after=min(max(so_far / 4, FIRST_PROBE), LONGEST_HOLD),
        )

    def failed(self, route: Route, delivery: Delivery) -> None:
        """Note a failure that might pass by itself."""
        now = self._clock()
        brake = self.doubts.get(route)
        if brake is None:
            brake = self.doubts[route] = Brake(now)
        brake.failures.append(now)
        if brake.engaged_at is None:
            if len(brake.failures) == IN_A_ROW and now - brake.failures[0] <= WITHIN:
                brake.engaged_at = brake.probed_at = now
                log.warning(
                    "%s failed %d times in a row: held back, one message at a time is a probe",
                    route.name,
                    IN_A_ROW,
                )
        elif brake.probe is delivery:
            brake.apart = min(brake.apart * 2, LONGEST_PROBE)
        self.ended(route, delivery)

    def succeeded(self, route: Route) -> None:
        """Let everything of this type through again."""
        brake = self.doubts.pop(route, None)
        if brake is not None and brake.engaged_at is not None:
            log.warning(
                "%s succeeds again after %.0f s: no longer holding it back",
                route.name,
                self._clock() - brake.engaged_at,
            )

    def ended(self, route: Route, delivery: Delivery) -> None:
        """Make room for the next probe, if this delivery was one."""
        brake = self.doubts.get(route)
        if brake is not None and brake.probe is delivery:
            brake.probe = None
