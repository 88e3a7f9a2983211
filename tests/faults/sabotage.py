"""Arms a worker process, from outside and by its environment: where it dies, how patient it is.

The service has no hooks for this. Its public verbs are wrapped here, in a process of the tests.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any, Final

from topology import Names
from workers.link import publishing
from workers.link.intake import Intake
from workers.link.link import Link
from workers.outcome import Answer, Replied
from workers.publication import Published
from workers.runners import Runners
from workers.settle import Settler

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.publication import Publication

#: `<point>:<n>`: dies (SIGKILL) when it comes there for the n-th time.
CRASH: Final = "FAULTS_CRASH"
#: Seconds in the place of the link's own patience with a confirm.
CONFIRM_WITHIN: Final = "FAULTS_CONFIRM_WITHIN"
POINTS: Final = (
    "after receive",
    "after effect",
    "after reply confirm",
    "before ack",
    "after retry confirm",
    "after dead-letter confirm",
)


def arm() -> None:
    """Do what the environment asks for; nothing where it asks for nothing."""
    if patience := os.environ.get(CONFIRM_WITHIN):
        publishing.CONFIRM_WITHIN = float(patience)  # type: ignore[misc] # a test's patience
    if crash := os.environ.get(CRASH):
        point, _, number = crash.rpartition(":")
        _arm(point, _Fuse(int(number)))


class _Fuse:
    """Kills this process when it is lit for the n-th time."""

    def __init__(self, number: int) -> None:
        self._left = number

    def light(self) -> None:
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _arm(point: str, fuse: _Fuse) -> None:
    match point:
        case "after receive":
            _before(Runners, "take", lambda *_: fuse.light())
        case "after effect":
            _before(
                Settler,
                "settle",
                lambda _self, _delivery, outcome, *_: (
                    fuse.light() if isinstance(outcome, Replied) else None
                ),
            )
        case "before ack":
            _before(Intake, "ack", lambda *_: fuse.light())
        case "after reply confirm":
            _confirmed(lambda message: isinstance(message, Answer), fuse)
        case "after retry confirm":
            rungs = Names().retries
            _confirmed(lambda message: message.exchange.startswith(rungs), fuse)
        case "after dead-letter confirm":
            dead = Names().dead
            _confirmed(lambda message: message.exchange == dead, fuse)
        case _:
            raise ValueError(f"there is no point {point!r}; there are {', '.join(POINTS)}")


def _before(owner: type, verb: str, act: Callable[..., None]) -> None:
    """Have `act` called before each call of a verb."""
    plain = getattr(owner, verb)

    def wrapped(*given: Any, **named: Any) -> Any:
        act(*given)
        return plain(*given, **named)

    setattr(owner, verb, wrapped)


def _confirmed(means: Callable[[Answer | Publication], bool], fuse: _Fuse) -> None:
    """Light the fuse when such a message is confirmed, before the worker hears of it."""
    plain = Link.publish

    def publish(self: Link, message: Answer | Publication, done: Any, **named: Any) -> None:
        def told(fate: Published) -> None:
            if fate is Published.CONFIRMED and means(message):
                fuse.light()
            done(fate)

        plain(self, message, told, **named)

    Link.publish = publish  # type: ignore[method-assign] # in a process of the tests
