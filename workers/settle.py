"""Outcome → broker: publish the consequence, wait until it is confirmed, and only then ack.

Nothing here awaits: each step is called by the broker's answer to the one before, so that hundreds
of messages are being settled at once in no task at all. A delivery whose session ended meanwhile is
let go: the broker brings it again.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, assert_never

from workers.headers import ID, REPLAY_OF
from workers.outcome import Answer, Batched, DeadLettered, Expired, Replied, Requeued, Retried
from workers.publication import Publication, Published, aim
from workers.settling.both import Both
from workers.settling.copies import Origin, bare, dead_letter, journal_copy, retry_copy
from workers.settling.knocking import Knocking, Waiting
from workers.settling.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from workers.outcome import Delivery, Outcome

log = logging.getLogger("leveret.settle")

#: Seconds until a consequence that the broker refused is offered again; doubled up to the longest.
FIRST_AGAIN: Final = 0.25
LONGEST_AGAIN: Final = 15.0
#: What says nothing about an exchange that was closed to us before.
_NO_NEWS: Final = frozenset({Published.CLOSED, Published.UNKNOWN})

#: Why an answer cannot be delivered, where it is not for want of somebody who takes it.
_WHY: Final = {
    Published.UNSENDABLE: "it is larger than this broker takes (max_message_size; keep "
    "LEVERET_MAX_ANSWER_BYTES below it), or its ids do not fit into AMQP"
}


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


class Settler:
    """Carries outcomes out."""

    def __init__(
        self,
        broker: Broker,
        origin: Origin,
        books: Books,
        *,
        now: Callable[[], datetime],
        prefetch: int = 1,
    ) -> None:
        self._broker = broker
        self._origin = origin
        self._books = books
        self._now = now
        self._patience = Patience(prefetch)
        self._knocking = Knocking(broker.later)
        # Both are empty but in trouble, which is all that the fast path asks of them.
        self._refusing = self._patience.refusing
        self._closed = self._knocking.closed

    def settle(self, delivery: Delivery, outcome: Outcome, seconds: float) -> None:
        """Begin to settle; it goes on by itself. `seconds` is what the handling took."""
        match outcome:
            case Replied():
                end = partial(self._end, delivery, outcome, seconds)
                self._answer(delivery, outcome.answer, end)
            case Retried():
                copy = retry_copy(delivery, outcome, self._origin, self._now())
                self._insist(delivery, copy, partial(self._end, delivery, outcome, seconds))
            case DeadLettered() | Expired():
                letter = dead_letter(delivery, outcome, self._origin, self._now())
                end = partial(self._end, delivery, outcome, seconds)
                self._bury(delivery, letter, outcome.answer, end)
            case Batched():
                self._batch(delivery, outcome, seconds)
            case Requeued():
                self._broker.requeue(delivery)
                self._books.settled(delivery, outcome, seconds)
            case _:
                assert_never(outcome)

    def _batch(self, delivery: Delivery, outcome: Batched, seconds: float) -> None:
        """Publish each consequence after the one before is confirmed, then end the delivery."""
        then = partial(self._end, delivery, outcome, seconds)
        now = self._now()
        if outcome.rest is not None and isinstance(outcome.rest.outcome, Retried):
            copy = retry_copy(outcome.rest.delivery, outcome.rest.outcome, self._origin, now)
            then = partial(self._insist, delivery, copy, then)
        for answer in (outcome.answer, *outcome.answers):
            if answer is not None:
                then = partial(self._answer, delivery, answer, then)
        for part, end in reversed(outcome.ends):
            if isinstance(end, DeadLettered | Expired):
                letter = dead_letter(part, end, self._origin, now)
                then = partial(self._bury, delivery, letter, None, then)
        then()

    def _end(self, delivery: Delivery, outcome: Outcome, seconds: float) -> None:
        if not self._broker.is_current(delivery):
            self._books.abandoned(delivery)
            return
        self._broker.ack(delivery)
        self._books.settled(delivery, outcome, seconds)

    # -- an answer: worth some tries, but the work is done and the asker may be gone --

    def _answer(
        self,
        delivery: Delivery,
        answer: Answer | None,
        then: Callable[[], None],
        tries: int = 1,
    ) -> None:
        if answer is None:
            then()
        else:
            told = partial(self._answered, delivery, answer, then, tries)
            self._offer(delivery, answer, told, then)

    def _answered(
        self,
        delivery: Delivery,
        answer: Answer,
        then: Callable[[], None],
        tries: int,
        fate: Published,
    ) -> None:
        taken = fate is Published.CONFIRMED
        if self._closed or not taken:
            self._note(answer, fate)
        if not self._broker.is_current(delivery):
            self._gone(delivery, then)
        elif taken:
            if self._refusing:
                self._patience.took((answer.exchange, answer.routing_key))
            then()
        elif fate is Published.CLOSED:
            # A full queue is the asker's; a closed exchange is ours, and the asker may well wait.
            told = partial(self._answered, delivery, answer, then, tries)
            self._wait(delivery, answer, told, then)
        elif fate is Published.REFUSED and self._patience.refused(
            (answer.exchange, answer.routing_key), tries
        ):
            again = partial(self._answer, delivery, answer, then, tries + 1)
            self._broker.later(_pause(tries), partial(self._waited, delivery, again, then))
        else:
            # Whoever asked first has long gone when an operator sends the message again: that calls
            # nobody, and is not counted where an alert looks.
            replay = REPLAY_OF in delivery.properties.headers
            if not replay:
                self._books.undeliverable(answer)
            log.log(
                logging.INFO if replay else logging.WARNING,
                "answer undeliverable (%s): %s",
                fate.value,
                _WHY.get(fate, "the asker is gone or its queue is full"),
                extra={"correlation_id": answer.correlation_id},
            )
            then()

    def _waited(
        self, delivery: Delivery, again: Callable[[], None], then: Callable[[], None]
    ) -> None:
        self._patience.waited()
        self._if_current(delivery, again, then)

    # -- a dead letter: in the open work first, then in the journal --

    def _bury(
        self,
        delivery: Delivery,
        letter: Publication,
        answer: Answer | None,
        then: Callable[[], None],
    ) -> None:
        """Have a letter in the open work; once it is there, in the journal too, and answered.

        Whatever becomes of the journal's copy and the answer, the letter is not sent again.
        """
        self._insist(delivery, letter, partial(self._buried, delivery, letter, answer, then))

    def _buried(
        self,
        delivery: Delivery,
        letter: Publication,
        answer: Answer | None,
        then: Callable[[], None],
    ) -> None:
        both = Both(then)
        self._insist(delivery, journal_copy(letter, self._origin), both)
        self._answer(delivery, answer, both)

    # -- a retry copy or dead letter: without it the message would be lost; never given up --

    def _insist(
        self,
        delivery: Delivery,
        copy: Publication,
        then: Callable[[], None],
        tries: int = 1,
    ) -> None:
        told = partial(self._insisted, delivery, copy, then, tries)
        self._offer(delivery, copy, told, then)

    def _insisted(
        self,
        delivery: Delivery,
        copy: Publication,
        then: Callable[[], None],
        tries: int,
        fate: Published,
    ) -> None:
        taken = fate is Published.CONFIRMED
        if self._closed or not taken:
            self._note(copy, fate)
        if not self._broker.is_current(delivery):
            self._gone(delivery, then)
        elif taken:
            then()
        elif fate is Published.UNSENDABLE and (small := bare(copy)) != copy:
            log.warning(
                "a copy for %s does not fit into what this broker takes: it goes without its "
                "history, its single errors and the sender's headers",
                aim(copy),
                extra={"letter_id": copy.headers.get(ID)},
            )
            self._insist(delivery, small, then)
        elif fate is Published.REFUSED and copy.exchange == self._origin.names.dead:
            # The journal has no room that could be used up: it is another queue bound there that
            # is full. Each further try would be one more line in the journal, and that queue is
            # nobody's end of a message: the letter is in the open work.
            log.warning(
                "a queue bound to %s refused a copy of dead letter %s: is one of them full, or is "
                "the journal's node away (rabbitmqctl list_queues name messages state)? The letter "
                "itself is in the queue %s; leveret goes on without the copy",
                copy.exchange,
                copy.headers.get(ID),
                self._origin.names.dead_queue(self._origin.group),
            )
            then()
        elif fate in _NO_NEWS and copy.exchange in self._closed:
            told = partial(self._insisted, delivery, copy, then, tries)
            self._wait(delivery, copy, told, then)
        else:
            pause = _pause(tries)
            self._hold(copy, fate, pause)
            again = partial(self._insist, delivery, copy, then, tries + 1)
            self._broker.later(pause, partial(self._if_current, delivery, again, then))

    # -- what is sent, and what waits because its exchange is closed --

    def _offer(
        self,
        delivery: Delivery,
        message: Publication | Answer,
        told: Callable[[Published], None],
        then: Callable[[], None],
    ) -> None:
        if self._closed and message.exchange in self._closed:
            self._wait(delivery, message, told, then)
            return
        self._broker.publish(message, told, wanted=partial(self._broker.is_current, delivery))

    def _wait(
        self,
        delivery: Delivery,
        message: Publication | Answer,
        told: Callable[[Published], None],
        then: Callable[[], None],
    ) -> None:
        wanted = partial(self._broker.is_current, delivery)
        go = partial(self._broker.publish, message, told, wanted=wanted)
        gone = partial(self._gone, delivery, then)
        self._knocking.wait(message.exchange, Waiting(go, wanted, gone))

    def _note(self, message: Publication | Answer, fate: Published) -> None:
        """Take in what a fate says about its exchange, and tell whoever watches."""
        if pause := self._knocking.told(message.exchange, fate):
            self._hold(message, fate, pause)

    def _hold(self, copy: Publication | Answer, fate: Published, pause: float) -> None:
        log.error(
            "%s did not take a copy (%s): is the topology applied (leveret topology "
            "apply), may we write there, is a queue full, is the broker's max_message_size lower "
            "than it was? The message stays with us; trying again in %.2g s",
            aim(copy),
            fate.value,
            pause,
        )
        self._books.held(copy, fate, pause)

    def _if_current(
        self, delivery: Delivery, act: Callable[[], None], then: Callable[[], None]
    ) -> None:
        """Act, unless the broker got the message back while we waited."""
        if self._broker.is_current(delivery):
            act()
        else:
            self._gone(delivery, then)

    def _gone(self, delivery: Delivery, then: Callable[[], None]) -> None:
        """Let go, once, of what the broker has again; `then` is what will not come now."""
        if not isinstance(then, Both) or then.is_first_loss():
            self._books.abandoned(delivery)


def _pause(tries: int) -> float:
    return float(min(FIRST_AGAIN * 2 ** (tries - 1), LONGEST_AGAIN))
