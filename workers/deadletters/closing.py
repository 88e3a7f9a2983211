"""One letter on its way out: publish → confirmed → noted → removed.

A letter leaves its queue only when the broker has confirmed what becomes of it, and has the note
that says so. Killed after the note, the letter still lies there, and the next action knows that it
was sent; killed before, it is sent once more. What is refused, returned or unknown stays where it
was. Nothing here awaits: each step is called by the broker's answer to the one before.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, assert_never

from workers.deadletters.notes import MOST_IDS, closed
from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from workers.deadletters.notes import Action
    from workers.outcome import Delivery
    from workers.publication import Publication


class Removing(Protocol):
    """Who holds the letters; `workers.link.scan.Scan` is one."""

    def ack(self, delivery: Delivery) -> bool:
        """Remove a letter; False when the broker has it again."""


class Sending(Protocol):
    """Who publishes; `workers.link.sender.Sender` is one."""

    @property
    def ended(self) -> str:
        """Why nothing can be sent any more; empty while it can."""

    def post(self, message: Publication, done: Callable[[Published], None]) -> None:
        """Publish and call `done` once with the fate."""


class _Sent(NamedTuple):
    id: str
    #: Without its body.
    delivery: Delivery


class Closing:
    """Closes letters, any number at once, and counts what became of them."""

    def __init__(
        self,
        action: Action,
        *,
        removing: Removing,
        sending: Sending,
        now: Callable[[], datetime],
        unsent: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Make one; `unsent` is told of each letter whose message surely went nowhere."""
        self._action = action
        self._removing = removing
        self._sending = sending
        self._now = now
        self._unsent = unsent
        #: Queues that do not take replays, and why.
        self._closed: dict[str, str] = {}
        self._due: list[_Sent] = []
        #: Letters whose end is not known yet.
        self.busy = 0
        #: Letters that the broker has confirmed the consequence of.
        self.sent: set[str] = set()
        #: Letters that left, by their ids.
        self.closed: set[str] = set()
        #: Removed from the queue.
        self.removed = 0
        #: Confirmed, but the queue had the letter again before it could be removed.
        self.unremoved = 0
        #: Closed without a note in the journal.
        self.unnoted = 0
        #: Left where they were, by reason.
        self.kept: Counter[str] = Counter()

    def replay(self, letter_id: str, delivery: Delivery, message: Publication) -> None:
        """Send a letter's message, and remove the letter once it is confirmed and noted."""
        queue = message.routing_key
        refused = self._closed.get(queue)
        if refused:
            # One refusal is enough: hammering a full queue helps nobody.
            self.kept[refused] += 1
            self._unsent(letter_id)
            return
        self.busy += 1
        sent = _Sent(letter_id, delivery._replace(body=b""))
        self._sending.post(message, partial(self._told, sent, queue))

    def discard(self, letter_id: str, delivery: Delivery) -> None:
        """Remove a letter once that is noted; without the note it stays."""
        self.busy += 1
        self._note(_Sent(letter_id, delivery._replace(body=b"")))

    def is_over(self, letter_id: str) -> bool:
        """Whether a letter has had its consequence: another copy of it must have none."""
        return letter_id in self.sent or letter_id in self.closed

    def remove(self, delivery: Delivery) -> bool:
        """Remove a letter that is closed already; False when the broker has it again."""
        return self._removing.ack(delivery)

    def _told(self, sent: _Sent, queue: str, fate: Published) -> None:
        match fate:
            case Published.CONFIRMED:
                self.sent.add(sent.id)
                self._note(sent)
            case Published.RETURNED:
                why = f"there is no queue {queue}; `leveret topology apply` makes it"
                self._shut(sent, queue, why)
            case Published.REFUSED:
                self._shut(sent, queue, f"the queue {queue} is full or failing; try again later")
            case Published.CLOSED:
                self._shut(sent, queue, "the exchange is gone or not for this user to write to")
            case Published.UNSENDABLE:
                self._keep("its properties do not fit into this broker's frames")
                self._unsent(sent.id)
            case Published.UNKNOWN:
                self._keep(
                    f"nobody knows whether it was sent ({self._sending.ended}); look what came "
                    "of it before you replay it again",
                )
            case _:
                assert_never(fate)

    def _note(self, sent: _Sent) -> None:
        """Tell the journal, many letters in one note where many come at once."""
        if not self._due:
            asyncio.get_running_loop().call_soon(self.flush)
        self._due.append(sent)
        if len(self._due) >= MOST_IDS:
            self.flush()

    def flush(self) -> None:
        """Write the notes that are due."""
        due, self._due = self._due, []
        if due:
            note = closed(self._action, [sent.id for sent in due], self._now())
            self._sending.post(note, partial(self._noted, due))

    def _noted(self, due: list[_Sent], fate: Published) -> None:
        if fate is not Published.CONFIRMED:
            self.unnoted += len(due)
        self.busy -= len(due)
        for sent in due:
            published = sent.id in self.sent
            if fate is not Published.CONFIRMED and not published:
                self.kept["the journal took no note of it, so it was not discarded"] += 1
            elif self._removing.ack(sent.delivery):
                self.closed.add(sent.id)
                self.removed += 1
            else:
                self.unremoved += 1

    def _shut(self, sent: _Sent, queue: str, why: str) -> None:
        self._closed[queue] = why
        self._keep(why)
        self._unsent(sent.id)

    def _keep(self, why: str) -> None:
        self.busy -= 1
        self.kept[why] += 1
