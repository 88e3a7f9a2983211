"""A broker that records the verbs it is told: who holds it says what becomes of each publication.

In a unit test that is the test. In the settling contract it is a sheet of paper with what a broker
is known to say (`contract.paper`), so that what the fake does has been seen of a real one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.outcome import Answer, Delivery, Outcome
    from workers.publication import Publication


class Pending(NamedTuple):
    """A publication whose fate is not told yet."""

    message: Publication | Answer
    done: Callable[[Published], None]
    wanted: Callable[[], bool]


class Timer(NamedTuple):
    """What is to be done later."""

    seconds: float
    act: Callable[[], None]


class RecordingBroker:
    """Keeps what it is told in order, and what is not settled yet."""

    def __init__(self) -> None:
        self.verbs: list[tuple[str, object]] = []
        self.pending: list[Pending] = []
        self.waiting: list[Timer] = []
        self.session = 1
        #: Deliveries of this session by their tags; those on their way to whoever takes them.
        self.unsettled: dict[int, Delivery] = {}
        self.coming: asyncio.Queue[Delivery] = asyncio.Queue()
        self._tags = 0

    # -- the five verbs --

    def publish(
        self,
        message: Publication | Answer,
        done: Callable[[Published], None],
        *,
        wanted: Callable[[], bool],
    ) -> None:
        """Record a publication and wait to be told its fate."""
        self.verbs.append(("publish", message))
        self.pending.append(Pending(message, done, wanted))

    def ack(self, delivery: Delivery) -> None:
        """Record an ack, and forget the message."""
        self.verbs.append(("ack", delivery.tag))
        if self.is_current(delivery):
            self.unsettled.pop(delivery.tag, None)

    def requeue(self, delivery: Delivery) -> None:
        """Record a nack, and bring the message again."""
        self.verbs.append(("requeue", delivery.tag))
        if self.is_current(delivery) and delivery.tag in self.unsettled:
            self.bring(self.unsettled.pop(delivery.tag)._replace(redelivered=True))

    def is_current(self, delivery: Delivery) -> bool:
        """Whether its session goes on."""
        return delivery.session == self.session

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Keep what is to be done later until somebody says it is later."""
        self.waiting.append(Timer(seconds, act))

    # -- what the one who holds it does --

    def bring(self, delivery: Delivery) -> None:
        """Deliver a message."""
        self._tags += 1
        fresh = delivery._replace(tag=self._tags, session=self.session)
        self.unsettled[fresh.tag] = fresh
        self.coming.put_nowait(fresh)

    def say(self, fate: Published) -> None:
        """Answer the oldest publication."""
        self.pending.pop(0).done(fate)

    def wait(self) -> float:
        """Let the oldest wait pass; return how long it was, in seconds."""
        seconds, act = self.waiting.pop(0)
        act()
        return seconds

    def end_session(self) -> None:
        """Begin another, to which all comes again that is unsettled."""
        self.session += 1
        lost, self.unsettled = self.unsettled, {}
        for delivery in lost.values():
            self.bring(delivery._replace(redelivered=True))

    def lose_line(self) -> None:
        """Lose what is unconfirmed, and send again what somebody still waits for."""
        lost, self.pending = self.pending, []
        for one in lost:
            if one.wanted():
                self.pending.append(one)
            else:
                one.done(Published.UNKNOWN)

    @property
    def told(self) -> list[str]:
        """The verbs alone."""
        return [verb for verb, _ in self.verbs]


class RecordingBooks:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    def settled(self, delivery: Delivery, outcome: Outcome, seconds: float) -> None:
        """Record an end."""
        self.ends.append(type(outcome).__name__)

    def abandoned(self, delivery: Delivery) -> None:
        """Record that the broker has it again."""
        self.ends.append("abandoned")

    def undeliverable(self, answer: Answer) -> None:
        """Record an answer nobody could be given."""
        self.ends.append("undeliverable")

    def held(self, copy: Publication | Answer, fate: Published, seconds: float) -> None:
        """Take no notice: the tests count the waits themselves."""
