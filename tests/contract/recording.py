"""A broker that records the verbs it is told, for the settling contract and for unit tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.outcome import Answer, Delivery, Outcome
    from workers.publication import Publication


class RecordingBroker:
    """Keeps what it is told in order; the test says what becomes of each publication."""

    def __init__(self) -> None:
        self.verbs: list[tuple[str, object]] = []
        self.pending: list[tuple[Publication | Answer, Callable[[Published], None]]] = []
        self.waiting: list[tuple[float, Callable[[], None]]] = []
        self.over: set[int] = set()

    def publish(
        self,
        message: Publication | Answer,
        done: Callable[[Published], None],
        *,
        wanted: Callable[[], bool],
    ) -> None:
        """Record a publication and wait to be told its fate."""
        self.verbs.append(("publish", message))
        self.pending.append((message, done))

    def ack(self, delivery: Delivery) -> None:
        """Record an ack."""
        self.verbs.append(("ack", delivery.tag))

    def requeue(self, delivery: Delivery) -> None:
        """Record a nack."""
        self.verbs.append(("requeue", delivery.tag))

    def is_current(self, delivery: Delivery) -> bool:
        """Whether the test has not ended the session."""
        return delivery.session not in self.over

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Keep what is to be done later until the test says it is later."""
        self.waiting.append((seconds, act))

    # -- what a test does --

    def say(self, fate: Published) -> None:
        """Answer the oldest publication."""
        _, done = self.pending.pop(0)
        done(fate)

    def wait(self) -> float:
        """Let the oldest wait pass; return how long it was, in seconds."""
        seconds, act = self.waiting.pop(0)
        act()
        return seconds

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
