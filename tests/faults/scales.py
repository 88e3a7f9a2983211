"""How much of each fault there is, in three scales: a test's, an evening's and the whole.

*short* is what the test suite has, *usual* what `make faults` runs in an hour, *full* what is
promised of the matrix (`make faults ARGS="--full"`): 200 kills in 100,000 messages, 500 crashes at
each point, 50 rolling restarts of each replica, 30 kills of a broker, five minutes of a half-open
line, ten of an outage, 1,000 poison frames in 100,000 messages.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Size(Enum):
    """Which of the three."""

    SHORT = "short"
    USUAL = "usual"
    FULL = "full"


class Scale(NamedTuple):
    """Messages, how often the fault strikes, and seconds where it lasts."""

    messages: int
    faults: int = 1
    seconds: float = 1.0
    size: Size = Size.SHORT


class Scales(NamedTuple):
    """One row's three scales, and about how many seconds the two long ones take on two cores."""

    short: Scale
    usual: Scale
    full: Scale
    about: tuple[int, int]

    def of(self, size: Size) -> Scale:
        """Return one of them, which knows its size."""
        scale = {Size.SHORT: self.short, Size.USUAL: self.usual, Size.FULL: self.full}[size]
        return scale._replace(size=size)

    def seconds(self, size: Size) -> int:
        """Return about how long the row takes; a short one some seconds."""
        return {Size.SHORT: 8, Size.USUAL: self.about[0], Size.FULL: self.about[1]}[size]


_KILLS: Final = Scale(100_000, 200, 300)
_CRASH: Final = Scales(Scale(90), Scale(3_000, 50), Scale(30_000, 500), (75, 750))
_ROLL: Final = Scales(Scale(150, 2, 1.2), Scale(4_000, 20, 30), Scale(30_000, 150, 300), (45, 330))
_ALARM: Final = Scales(Scale(400), Scale(8_000, 1, 15), Scale(40_000, 1, 120), (30, 150))
_STORE: Final = Scales(Scale(300, 1, 0.5), Scale(4_000, 3, 7), Scale(16_000, 12, 7), (50, 170))
_SWALLOWED: Final = Scales(Scale(300, 25), Scale(6_000, 50, 24), Scale(60_000, 50, 240), (35, 260))
_TRUST: Final = Scales(Scale(100), Scale(2_000, 1, 20), Scale(12_000, 1, 120), (30, 140))
_REPLIES: Final = Scales(Scale(300), Scale(5_000), Scale(50_000), (10, 60))

SCALES: Final[Mapping[str, Scales]] = {
    "a body that kills its worker, prefetch 50": Scales(
        Scale(100), Scale(2_000, 5), Scale(10_000, 40), (40, 300)
    ),
    "a body that calls os._exit(0), prefetch 50": Scales(
        Scale(100), Scale(2_000, 5), Scale(10_000, 40), (40, 300)
    ),
    "a body that holds its worker up past the heartbeat, prefetch 50": Scales(
        Scale(100), Scale(2_000, 3), Scale(10_000, 20), (55, 350)
    ),
    "worker kill -9": Scales(Scale(600, 4, 2), Scale(20_000, 40, 50), _KILLS, (80, 400)),
    "crash after receive": _CRASH,
    "crash after effect": _CRASH,
    "crash after reply confirm": _CRASH,
    "crash before ack": _CRASH,
    "crash after retry confirm": _CRASH,
    "crash after dead-letter confirm": _CRASH,
    "rolling SIGTERM, grace longer than the work": _ROLL,
    "rolling SIGTERM, grace shorter than the work": _ROLL,
    "worker SIGSTOP": Scales(
        Scale(150, 1, 2.5), Scale(3_000, 3, 4), Scale(20_000, 20, 4), (25, 120)
    ),
    "replicas 1 → 8 → 1": Scales(
        Scale(300, 4, 2.4), Scale(4_000, 8, 24), Scale(30_000, 8, 180), (35, 200)
    ),
    "broker kill -9": Scales(
        Scale(300, 1, 3), Scale(6_000, 5, 40), Scale(30_000, 30, 300), (65, 450)
    ),
    "quorum leader kill -9": Scales(
        Scale(300, 1, 3), Scale(4_000, 4, 40), Scale(30_000, 30, 300), (60, 450)
    ),
    "1 of 3 nodes stopped": Scales(
        Scale(300, 1, 3), Scale(5_000, 1, 20), Scale(30_000, 1, 120), (35, 140)
    ),
    "2 of 3 nodes stopped": Scales(
        Scale(300, 2, 3), Scale(5_000, 2, 20), Scale(30_000, 2, 120), (35, 140)
    ),
    "memory alarm": _ALARM,
    "disk alarm": _ALARM,
    "TCP reset": Scales(
        Scale(400, 3, 1.5), Scale(12_000, 8, 40), Scale(60_000, 60, 300), (50, 320)
    ),
    "half-open line": Scales(
        Scale(200, 1, 0), Scale(1_500, 3, 60), Scale(6_000, 3, 300), (140, 380)
    ),
    "cut in mid-frame": Scales(
        Scale(300, 2, 1.5), Scale(6_000, 6, 24), Scale(30_000, 30, 120), (40, 200)
    ),
    "every 50th confirm swallowed": _SWALLOWED,
    "every 50th ack swallowed": _SWALLOWED,
    "inbox store locked by somebody else": _STORE,
    "inbox store full": _STORE,
    "with the inbox: every 50th confirm swallowed": _SWALLOWED,
    "with the inbox: every 50th ack swallowed": _SWALLOWED,
    "with the inbox: worker kill -9": Scales(Scale(200), Scale(8_000, 20, 30), _KILLS, (55, 420)),
    "inbox in PostgreSQL: table locked by somebody else": _STORE,
    "inbox in PostgreSQL: claims too slow": _STORE,
    "inbox in PostgreSQL: server killed and started again": _STORE,
    "inbox in PostgreSQL: disk full": _STORE,
    # A worker has eight transactions at a time, so there are fewer messages.
    "inbox in PostgreSQL: worker kill -9, effects in its transaction": Scales(
        Scale(200), Scale(8_000, 20, 30), Scale(50_000, 200, 300), (45, 480)
    ),
    "reply queue full": _REPLIES,
    "reply queue deleted": _REPLIES,
    "dead-letter exchange missing": Scales(
        Scale(200, 1, 1.5), Scale(2_000, 1, 15), Scale(30_000, 1, 300), (25, 330)
    ),
    "dead-letter queue missing": Scales(
        Scale(200, 1, 1.5), Scale(2_000, 1, 15), Scale(30_000, 1, 300), (25, 330)
    ),
    "dead-letter binding missing": Scales(
        Scale(100, 1, 1.5), Scale(2_000, 1, 15), Scale(10_000, 1, 60), (15, 90)
    ),
    "dead-letter queue full": Scales(
        Scale(200, 1, 1.5), Scale(2_000, 1, 15), Scale(10_000, 1, 120), (30, 150)
    ),
    "work queue deleted for a while: every restored channel fails": Scales(
        Scale(100), Scale(1_200, 3, 6), Scale(12_000, 15, 6), (40, 200)
    ),
    "work queue deleted and re-created at once": Scales(
        Scale(100, 1, 0), Scale(1_200, 3, 0), Scale(12_000, 15, 0), (10, 60)
    ),
    "poison frames": Scales(
        Scale(500, 40, 1.5), Scale(20_000, 1_000, 30), Scale(100_000, 1_000, 150), (45, 190)
    ),
    "everything fails in passing, then nothing": Scales(
        Scale(100, 1, 1.5), Scale(1_000, 1, 30), Scale(3_000, 1, 600), (60, 680)
    ),
    "certificate of a wrong CA, expired, of another host": Scales(
        Scale(50, 3), Scale(1_000, 3), Scale(5_000, 3), (15, 20)
    ),
    "certificate expired under a worker, and renewed": _TRUST,
    "password changed and changed back": _TRUST,
    "permissions taken and given back": _TRUST,
}
