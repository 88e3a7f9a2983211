"""One replay on its way: publish → confirmed → ack → note in the journal.

A letter leaves its queue only when the broker has confirmed the replay and gave it back to nobody.
What is refused, returned or unknown stays where it was. Nothing here awaits: each step is called by
the broker's answer to the one before.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, assert_never

from workers.deadletters.replaying import destination, note, publication
from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from workers.deadletters.letter import Letter
    from workers.deadletters.reading import Reader
    from workers.deadletters.replaying import Action
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


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the letters that were to be replayed."""

    #: Confirmed by the broker and removed from the dead letters.
    replayed: int
    #: Left where they were, by reason.
    kept: Mapping[str, int]
    #: Confirmed, but the connection ended before they were removed: they are still open letters.
    unremoved: int
    #: Not among the letters any more.
    gone: int
    #: Replayed without a note in the journal.
    unnoted: int

    @property
    def whole(self) -> bool:
        """Whether all of them were replayed."""
        return not self.kept and not self.unremoved and not self.gone


class Replay:
    """Replays each chosen letter that `take` is shown."""

    def __init__(
        self,
        reader: Reader,
        action: Action,
        chosen: Collection[str],
        *,
        removing: Removing,
        sending: Sending,
        now: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._action = action
        self._missing = set(chosen)
        self._chosen = frozenset(chosen)
        self._removing = removing
        self._sending = sending
        self._now = now
        #: Queues that do not take replays, and why.
        self._closed: dict[str, str] = {}
        self._replayed = 0
        self._unremoved = 0
        self._unnoted = 0
        self._kept: Counter[str] = Counter()

    @property
    def over(self) -> bool:
        """Whether every chosen letter was met, or no more can be sent."""
        return not self._missing or bool(self._sending.ended)

    def take(self, delivery: Delivery) -> None:
        """Replay a letter if it is a chosen one; raises nothing."""
        letter_id = self._reader.id(delivery)
        if letter_id not in self._chosen:
            return
        self._missing.discard(letter_id)
        letter = self._reader.letter(delivery)
        queue = destination(letter, self._action.names, self._action.group)
        closed = self._closed.get(queue)
        if closed:
            # One refusal is enough: hammering a full queue helps nobody.
            self._kept[closed] += 1
            return
        told = partial(self._told, delivery._replace(body=b""), letter, queue)
        self._sending.post(publication(letter, queue), told)

    def result(self) -> Replayed:
        """Return what became of them, once all fates are told."""
        return Replayed(
            self._replayed,
            dict(self._kept),
            self._unremoved,
            len(self._missing),
            self._unnoted,
        )

    def _told(self, delivery: Delivery, letter: Letter, queue: str, fate: Published) -> None:
        match fate:
            case Published.CONFIRMED:
                self._confirmed(delivery, letter, queue)
            case Published.RETURNED:
                self._keep(queue, f"there is no queue {queue}; `leveret topology apply` makes it")
            case Published.REFUSED:
                self._keep(queue, f"the queue {queue} is full or failing; try again later")
            case Published.UNKNOWN:
                self._kept[
                    f"nobody knows whether it was replayed ({self._sending.ended}); "
                    "look what came of it before you replay it again"
                ] += 1
            case Published.UNSENDABLE:
                self._kept["its properties do not fit into this broker's frames"] += 1
            case _:
                assert_never(fate)

    def _confirmed(self, delivery: Delivery, letter: Letter, queue: str) -> None:
        if self._removing.ack(delivery):
            self._replayed += 1
        else:
            self._unremoved += 1
        self._sending.post(note(letter, queue, self._action, self._now()), self._noted)

    def _noted(self, fate: Published) -> None:
        if fate is not Published.CONFIRMED:
            self._unnoted += 1

    def _keep(self, queue: str, why: str) -> None:
        self._closed[queue] = why
        self._kept[why] += 1
