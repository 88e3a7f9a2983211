"""What settling needs of others: the broker's five verbs, and somebody who keeps the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.outcome import Answer, Delivery, Outcome
    from workers.publication import Publication, Published


class Broker(Protocol):
    """The five verbs settling needs; `workers.link` has them, and so has the recording fake."""

    def publish(
        self,
        message: Publication | Answer,
        done: Callable[[Published], None],
        *,
        wanted: Callable[[], bool],
    ) -> None:
        """Send a message and call `done` with its fate."""

    def ack(self, delivery: Delivery) -> None:
        """Tell the broker that the message came to its end."""

    def requeue(self, delivery: Delivery) -> None:
        """Give the message back."""

    def is_current(self, delivery: Delivery) -> bool:
        """Whether the delivery can still be settled."""

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` after a while."""


class Books(Protocol):
    """Told what became of each delivery, once, when it is settled."""

    def settled(self, delivery: Delivery, outcome: Outcome, seconds: float) -> None:
        """Count it; `seconds` is what the handling took."""

    def abandoned(self, delivery: Delivery) -> None:
        """Count it out: its session ended, the broker has it again."""

    def undeliverable(self, answer: Answer) -> None:
        """Count an answer nobody could be given."""

    def held(self, copy: Publication | Answer, fate: Published, seconds: float) -> None:
        """Note a message that stays with us because its copy is not taken; tried again then."""
