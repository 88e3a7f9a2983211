"""Messages offered to the broker until they are taken: answers for a while, copies for ever.

Each step is called by the broker's answer to the one before; `then` is the step that follows. Where
a delivery's session ended meanwhile it is let go, and nothing follows: the broker brings it again.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from workers.headers import ID, REPLAY_OF
from workers.publication import Publication, Published, aim
from workers.settling.both import Both
from workers.settling.copies import bare, journal_copy
from workers.settling.knocking import Knocking, Waiting
from workers.settling.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.outcome import Answer, Delivery
    from workers.settling.copies import Origin
    from workers.settling.ports import Books, Broker

log = logging.getLogger("leveret.settle")

#: Seconds until a consequence that the broker refused is offered again; doubled up to the longest.
FIRST_AGAIN: Final = 0.25
LONGEST_AGAIN: Final = 15.0
#: What says nothing about an exchange that was closed to us before.
_NO_NEWS: Final = frozenset({Published.CLOSED, Published.UNKNOWN})

#: Why an answer cannot be delivered, where it is not for want of somebody who takes it.
_WHY: Final = {
    Published.UNSENDABLE: "it is larger than this broker takes (max_message_size; keep "
    "LEVERET_MAX_ANSWER_BYTES below it), or its ids do not fit into AMQP",
    Published.UNKNOWN: "it was on its way to a direct reply-to when that line was lost, perhaps "
    "because somebody's address was forged, and such an answer is sent once at most; ask with a "
    "queue or mailbox of yours if it must arrive",
}


class Offers:
    """Offers the messages of one worker."""

    def __init__(self, broker: Broker, origin: Origin, books: Books, *, prefetch: int) -> None:
        self._broker = broker
        self._origin = origin
        self._books = books
        self._patience = Patience(prefetch)
        self._knocking = Knocking(broker.later)
        # Both are empty but in trouble, which is all that the fast path asks of them.
        self._refusing = self._patience.refusing
        self._closed = self._knocking.closed

    # -- an answer: worth some tries, but the work is done and the asker may be gone --

    def answer(
        self,
        delivery: Delivery,
        answer: Answer | None,
        then: Callable[[], None],
        tries: int = 1,
    ) -> None:
        """Have an asker answered, or try to for a while; nobody asked where it is None."""
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
            again = partial(self.answer, delivery, answer, then, tries + 1)
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

    def bury(
        self,
        delivery: Delivery,
        letter: Publication,
        answer: Answer | None,
        then: Callable[[], None],
    ) -> None:
        """Have a letter in the open work; once it is there, in the journal too, and answered.

        Whatever becomes of the journal's copy and the answer, the letter is not sent again.
        """
        self.insist(delivery, letter, partial(self._buried, delivery, letter, answer, then))

    def _buried(
        self,
        delivery: Delivery,
        letter: Publication,
        answer: Answer | None,
        then: Callable[[], None],
    ) -> None:
        both = Both(then)
        self.insist(delivery, journal_copy(letter, self._origin), both)
        self.answer(delivery, answer, both)

    # -- a retry copy or dead letter: without it the message would be lost; never given up --

    def insist(
        self,
        delivery: Delivery,
        copy: Publication,
        then: Callable[[], None],
        tries: int = 1,
    ) -> None:
        """Have a copy taken, however long it takes."""
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
            self.insist(delivery, small, then)
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
            again = partial(self.insist, delivery, copy, then, tries + 1)
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
