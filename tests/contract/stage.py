"""Where settling is tried: over the fake, and over a link to a real broker.

A stage brings deliveries, spoils and mends exchanges, shows what arrived, and keeps a log of what
settling said and heard, in order and in words that are the same on every stage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from broker.worker import NAMES

from topology import Delay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workers.outcome import Answer, Delivery
    from workers.publication import Publication, Published
    from workers.settling.ports import Broker

WORK: Final = NAMES.work("default")
#: A plain queue of somebody who asks.
ANSWERS: Final = "contract.answers"
#: The open dead letters.
LETTERS: Final = NAMES.dead_queue("default")
#: The mailbox of an agent who asks.
MAILBOX: Final = NAMES.mailbox("asker", "answers")
MAILBOX_KEY: Final = NAMES.mailbox_key("asker", "answers")
#: Longer than any test, so that what waits there is found there.
RUNG: Final = Delay.parse("60s")
RETRY: Final = NAMES.retry(RUNG)
#: Which queues have what was published, by exchange; of the default one the routing key says it.
BOUND: Final[Mapping[str, tuple[str, ...]]] = {
    NAMES.dead: (NAMES.journal,),
    NAMES.replies: (MAILBOX,),
    RETRY: (RETRY,),
}


class Arrived(NamedTuple):
    """A message as its reader finds it."""

    body: bytes
    headers: Mapping[str, object]
    correlation_id: str | None
    type: str | None
    content_type: str | None
    reply_to: str | None


class Stage(Protocol):
    """What the suite needs of a place to settle in."""

    #: What settling is to talk to.
    broker: Broker
    log: list[str]

    async def deliver(self, body: bytes, *, reply_to: str = "", **headers: str) -> Delivery:
        """Bring a message and return it as it was delivered."""

    async def next(self) -> Delivery:
        """Return the next delivery."""

    async def spoil(self, place: str, fate: Published) -> None:
        """Have what is published to an exchange, or straight to a queue, end like this."""

    async def mend(self, place: str) -> None:
        """Have it confirmed again."""

    async def arrived(self, queue: str) -> list[Arrived]:
        """Take all out of a queue."""

    async def end_session(self) -> None:
        """End the session of all deliveries so far; they come again."""

    def lose_line(self) -> None:
        """Cut the line that publications go out on, before another word is heard on it."""

    async def left(self) -> int:
        """Close, and return how many messages the broker still has in the work queue."""

    def direct_address(self) -> str:
        """Return a direct reply-to address at which somebody listens."""

    async def direct_answers(self, count: int) -> list[bytes]:
        """Return so many bodies that arrived there."""


class Overheard:
    """Passes every verb on and notes it, with what the broker said."""

    def __init__(self, broker: Broker, log: list[str]) -> None:
        self._broker = broker
        self._log = log
        self.is_current = broker.is_current
        self.later = broker.later

    def publish(
        self,
        message: Publication | Answer,
        done: Callable[[Published], None],
        *,
        wanted: Callable[[], bool],
    ) -> None:
        """Publish; note where to, and then the fate and where it was met."""
        where = message.exchange or message.routing_key.partition(".reply-to.")[0]
        self._log.append(f"publish {where}")

        def noted(fate: Published) -> None:
            self._log.append(f"{fate.value} {where}")
            done(fate)

        self._broker.publish(message, noted, wanted=wanted)

    def ack(self, delivery: Delivery) -> None:
        """Ack, and note it."""
        self._log.append("ack")
        self._broker.ack(delivery)

    def requeue(self, delivery: Delivery) -> None:
        """Give back, and note it."""
        self._log.append("requeue")
        self._broker.requeue(delivery)
