"""What becomes of what was sent, as the journal tells it while an action runs.

A letter that comes back says so by itself. That it is done, or is tried again, its worker says
(`workers.settling.replays`); where none does, all that can be known is that it did not come back.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.deadletters.views import Canary, Halt, Verdict
from workers.settling.replays import DONE, heard

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.deadletters.course import Course
    from workers.deadletters.letter import Letter
    from workers.deadletters.notes import Action
    from workers.deadletters.reading import Reader
    from workers.link.stream import Following
    from workers.outcome import Delivery
    from workers.settling.replays import Replayed

#: Seconds between two looks at what came.
LOOK_EVERY: Final = 0.2


class _Sent(NamedTuple):
    kind: str
    #: Monotonic seconds.
    at: float


class Returns:
    """Hears what became of letters, and halts a kind whose letters come back."""

    def __init__(
        self, action: Action, reader: Reader, course: Course, *, tolerated: int = 0
    ) -> None:
        self._names = action.names
        self._keys = action.names.letter_keys(action.group)
        self._reader = reader
        self._course = course
        self._tolerated = tolerated
        #: Letters sent whose end is not known yet.
        self._open: dict[str, _Sent] = {}
        #: Of those, letters that failed and are tried again, and why.
        self._again: dict[str, Replayed] = {}
        self._kinds: dict[str, str] = {}
        self._came_back: Counter[str] = Counter()
        #: Kind → the first of it, while that is all that was sent of it.
        self.canaries: dict[str, Canary] = {}
        self.halts: dict[str, Halt] = {}
        #: Letters whose workers said that they are done.
        self.succeeded = 0
        #: Letters of the group that came since the action began.
        self.arrived = 0

    @property
    def returned(self) -> int:
        """How many came back."""
        return sum(self._came_back.values())

    @property
    def retrying(self) -> int:
        """How many failed and are tried again."""
        return len(self._again)

    @property
    def unknown(self) -> int:
        """Of how many nobody knows what became of them."""
        return len(self._open)

    @property
    def told(self) -> bool:
        """Whether workers tell what becomes of replays; older ones do not."""
        return bool(self.succeeded or self._again)

    def sent(self, letter_id: str, kind: str, *, canary: bool = False) -> None:
        """Note that a letter goes out."""
        self._kinds[letter_id] = kind
        self._open[letter_id] = _Sent(kind, time.monotonic())
        if canary:
            self.canaries[kind] = Canary(fingerprint=kind, letter_id=letter_id)

    def unsent(self, letter_id: str) -> None:
        """Note that a letter went nowhere after all."""
        sent = self._open.pop(letter_id, None)
        canary = self.canaries.get(sent.kind) if sent else None
        if canary is not None and canary.letter_id == letter_id:
            del self.canaries[canary.fingerprint]

    def heard(self, delivery: Delivery) -> None:
        """Take a new message of the journal."""
        if delivery.routing_key == self._names.journal_key:
            told = heard(delivery, self._names)
            if told is not None and told.letter_id in self._open:
                self._told(told)
                self._course.moved()
            return
        self.arrived += delivery.routing_key in self._keys
        letter = self._reader.letter(delivery)
        kind = self._kinds.get(letter.replay_of or "")
        if kind is not None:
            self._back(kind, letter)
            self._course.moved()

    async def known(self, journal: Following, seconds: float, ready: Callable[[], bool]) -> None:
        """Return when `ready` says so, the action is stopped, or the seconds are over."""
        until = time.monotonic() + seconds
        while not self._course.stopped and not ready():
            left = until - time.monotonic()
            if left <= 0:
                return
            await journal.wait(min(left, LOOK_EVERY))

    def canaries_known(self) -> bool:
        """Whether it is known what became of every first letter."""
        return not any(one.letter_id in self._open for one in self.canaries.values())

    def all_known(self) -> bool:
        """Whether it is known what became of every letter."""
        return not self._open

    def judge(self, seconds: float) -> None:
        """Say of each first letter what is known after these seconds; one that fails is a halt."""
        for kind, one in self.canaries.items():
            if one.verdict is not Verdict.WAITING:
                continue
            failed = self._again.get(one.letter_id)
            if failed is None:
                self.canaries[kind] = one.judged(Verdict.SILENT, seconds)
                continue
            self.canaries[kind] = one.judged(Verdict.AGAIN, seconds, failed.worker)
            self._halt(kind, one.letter_id, failed.error_code, failed.reason)

    def _told(self, told: Replayed) -> None:
        """Take a worker's word."""
        if told.end != DONE:
            self._again[told.letter_id] = told
            return
        self._again.pop(told.letter_id, None)
        sent = self._open.pop(told.letter_id)
        self.succeeded += 1
        canary = self.canaries.get(sent.kind)
        if canary is not None and canary.letter_id == told.letter_id:
            took = time.monotonic() - sent.at
            self.canaries[sent.kind] = canary.judged(Verdict.DONE, took, told.worker)

    def _back(self, kind: str, letter: Letter) -> None:
        """Take a letter that came back."""
        first = letter.replay_of or ""
        self._again.pop(first, None)
        sent = self._open.pop(first, None)
        self._came_back[kind] += 1
        canary = self.canaries.get(kind)
        if canary is not None and canary.letter_id == first and sent is not None:
            took = time.monotonic() - sent.at
            self.canaries[kind] = canary.judged(Verdict.BACK, took, letter.worker)
        if self._came_back[kind] > self._tolerated:
            self._halt(kind, letter.id, letter.error_code, letter.diagnosis.reason)

    def _halt(self, kind: str, letter_id: str, error_code: str, reason: str) -> None:
        self.halts.setdefault(
            kind,
            Halt(fingerprint=kind, letter_id=letter_id, error_code=error_code, reason=reason),
        )
