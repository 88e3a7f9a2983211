"""The journal, read as a ledger: which letters are open, and what was done. Pure.

A letter is open from when a worker wrote it until a note says that it left. What other tools do
leaves no note: `expected` tells how many letters the queue should have, for somebody to compare.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.deadletters.deeds import INTERRUPTED, Deed, with_note
from workers.deadletters.notes import Step, Verb, read_note
from workers.headers import offset_of
from workers.settling.replays import heard

if TYPE_CHECKING:
    from workers.deadletters.letter import Summary
    from workers.deadletters.notes import Note
    from workers.deadletters.reading import Reader
    from workers.outcome import Delivery
    from workers.settling.replays import Replayed

#: Actions remembered; the oldest are forgotten first.
MOST_DEEDS: Final = 10_000
#: Replays of which it is remembered what became of them.
MOST_ENDS: Final = 20_000
#: Kinds of failure whose reason is remembered.
MOST_KINDS: Final = 2_000
#: The place of a letter whose body the journal does not have.
NOWHERE: Final = -1


class Entry(NamedTuple):
    """An open letter, and the place in the journal where all of it stands."""

    summary: Summary
    offset: int


class Ledger:
    """What the journal says about one queue of open letters; show it every message in order."""

    def __init__(self, reader: Reader, *, group: str, queue: str) -> None:
        self._reader = reader
        self._names = reader.names
        self._keys = reader.names.letter_keys(group)
        self._queue = queue
        self.open: dict[str, Entry] = {}
        #: Grows with every letter that comes or goes.
        self.version = 0
        #: Fingerprint → why, in one line, as the first letter of its kind said.
        self.reasons: dict[str, str] = {}
        #: Actions, oldest first.
        self.deeds: dict[str, Deed] = {}
        #: What workers said became of replays, by the letters that were replayed.
        self.ends: dict[str, Replayed] = {}
        #: Letters that an unfinished run has sent: they may still lie in the queue.
        self.sent: dict[str, set[str]] = {}
        #: How many more letters the queue had than different ones, when last somebody looked.
        self.surplus = 0
        #: The action that began last and has not ended: it goes on, or was killed.
        self.going: str | None = None
        #: Where to read on.
        self.next = 0
        #: When the latest letter failed that says so.
        self._latest: str | None = None

    @property
    def expected(self) -> int:
        """How many letters the queue should have."""
        return len(self.open) + self.surplus

    def take(self, delivery: Delivery) -> None:
        """Take the next message of the journal; raises nothing."""
        offset = offset_of(delivery)
        self.next = offset + 1
        if delivery.routing_key in self._keys:
            summary = self._reader.summary(delivery)
            if summary.fingerprint not in self.reasons and len(self.reasons) < MOST_KINDS:
                self.reasons[summary.fingerprint] = self._reader.reason(delivery)
            self._letter(summary, offset)
            return
        note = read_note(delivery, self._names)
        if note is not None:
            if note.queue == self._queue:
                self._note(note)
        elif (told := heard(delivery, self._names)) is not None:
            self._told(told)

    def interrupted(self, run: str) -> None:
        """Note that nobody works on an action any more, though nothing says how it ended.

        Whoever acts or compares holds the right to scan from before its first note until after its
        last: what began before somebody else's note, or stands open while nobody has that right,
        was killed. A last note that comes late all the same says more, and counts.
        """
        deed = self.deeds.get(run)
        if deed is not None and not deed.outcome:
            self.deeds[run] = replace(deed, outcome=INTERRUPTED)
        self.going = None if self.going == run else self.going

    def _letter(self, summary: Summary, offset: int) -> None:
        if summary.failed_at is None:
            # The broker's own letters have no time in a stream: it was not before this.
            summary = replace(summary, failed_at=self._latest)
        elif self._latest is None or summary.failed_at > self._latest:
            self._latest = summary.failed_at
        self.open[summary.id] = Entry(summary, offset)
        self.version += 1

    def _told(self, told: Replayed) -> None:
        self.ends[told.letter_id] = told
        if len(self.ends) > MOST_ENDS:
            del self.ends[next(iter(self.ends))]

    def _note(self, note: Note) -> None:
        self._tell(note)
        match note.step:
            case Step.BEGAN:
                self._alone(note.run)
                self.going = note.run
                if note.verb in {Verb.REPLAY, Verb.EDIT}:
                    self.sent[note.run] = set()
            case Step.CLOSED:
                self._close(note.ids)
                if note.run in self.sent:
                    self.sent[note.run].update(note.ids)
            case Step.RECONCILED:
                self._alone(note.run)
                self._close(note.ids)
                for letter in note.found():
                    self.open.setdefault(letter.id, Entry(letter, NOWHERE))
                self.surplus = note.count("surplus")
                self.version += 1
            case Step.STEERED:
                pass
            case Step.ENDED:
                self.going = None if self.going == note.run else self.going
                own = () if note.count("unremoved") else (note.run,)
                for run in (*own, *note.texts("finishes")):
                    self.sent.pop(run, None)

    def _alone(self, run: str) -> None:
        """Take it that another one than this is over: one at a time."""
        if self.going is not None and self.going != run:
            self.interrupted(self.going)

    def _close(self, ids: tuple[str, ...]) -> None:
        for one in ids:
            self.open.pop(one, None)
        self.version += 1

    def _tell(self, note: Note) -> None:
        if note.step is Step.RECONCILED and not (note.ids or note.found()):
            return  # a comparison that moved nothing was a look, and no action
        self.deeds[note.run] = with_note(self.deeds.get(note.run), note)
        if len(self.deeds) > MOST_DEEDS:
            del self.deeds[next(iter(self.deeds))]
