"""Goes through the queue of open letters and closes those that are wanted, handful by handful.

What it holds goes back before the broker takes it for dead, and what an interrupted action left
behind is removed on the way.
"""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.deadletters.notes import Verb
from workers.deadletters.pacing import Ramp
from workers.deadletters.replaying import publication

if TYPE_CHECKING:
    from workers.deadletters.closing import Closing
    from workers.deadletters.course import Course
    from workers.deadletters.letter import Letter
    from workers.deadletters.reading import Reader
    from workers.deadletters.returning import Returns
    from workers.deadletters.tasks import Task
    from workers.link.scan import Scan
    from workers.link.sender import Sender
    from workers.outcome import Delivery

#: Letters taken at once, and bytes their bodies may have together: few handfuls are quicker, since
#: a quorum queue takes a hundredth of a second to begin each.
LEAST_AT_ONCE: Final = 200
MOST_AT_ONCE: Final = 5_000
MOST_BYTES: Final = 64 << 20
#: Letters on their way to the broker: as many as may be sent twice when this process is killed.
UNCONFIRMED: Final = 200
#: Seconds for which letters are held at most before they go back for a moment: the broker takes a
#: consumer that holds one for 30 minutes to be dead.
MOST_HELD: Final = 600.0
#: Seconds in which letters come back to the queue that a killed process held.
SETTLE: Final = 0.5
#: Looks for letters that came back though they were removed.
CHECKS: Final = 3
_CAME_BACK: Final = "a letter of its kind came back, so it stays"
_NOWHERE: Final = "nobody knows where it came from; say where it goes (--to QUEUE)"


class Table(NamedTuple):
    """What an action works with while it holds the right to scan."""

    verb: Verb
    scan: Scan
    sender: Sender
    closing: Closing
    returns: Returns
    course: Course
    reader: Reader


class Passing:
    """Passes through one queue, for one action."""

    def __init__(
        self, table: Table, task: Task, left_over: dict[str, str], *, copies: bool = False
    ) -> None:
        """Make one; with `copies` the queue is known to have more letters than different ones."""
        self._table = table
        self._task = task
        #: Letters that are wanted and were not met yet.
        self.missing = set(task.kinds)
        #: Of those, letters that were closed before this action had its turn.
        self.gone: set[str] = set()
        self._pending: list[Delivery] = []
        #: Further copies of letters met: a worker whose confirm was lost has written them twice.
        self._copies: list[Delivery] = []
        #: Whether some may lie where this has not looked: further on than what is wanted.
        self.more_copies = copies
        #: Letters that an interrupted run has sent; and of these, those that still lie here, and
        #: that run.
        self._sent_before = frozenset(left_over)
        self._left_over = left_over
        #: How many of them were removed, and how many further copies of what this action closed.
        self.finished = 0
        self._spare = 0
        #: Letters met whose ids a worker gave them, and ids that several letters may share.
        self._met: set[str] = set()
        self._shared: set[str] = set()
        self.kept = Counter(task.kept)
        self.ramp = Ramp(0.0, 0.0)
        #: Whether all that was in the queue was seen.
        self.all_seen = False
        self._held_until = 0.0
        self._at_once = max(LEAST_AT_ONCE, min(MOST_AT_ONCE, MOST_BYTES // (task.largest or 1)))

    @property
    def done_for(self) -> bool:
        """Whether nothing more is to be sent, or can be."""
        return self._table.course.stopped or bool(self._table.sender.ended)

    @property
    def missed(self) -> int:
        """How many letters were not there any more, as far as that is known."""
        return len(self.missing if self.all_seen else self.missing & self.gone)

    async def go(self, wanted: set[str], *, tidy: bool = False) -> None:
        """Go through the queue once, or as often as it takes with letters held for long.

        With `tidy` it also finds what interrupted runs left over.
        """
        scan = self._table.scan

        async def go_on() -> bool:
            await self._close_pending()
            return self._open_ends(wanted, tidy=tidy) and not self._held_too_long()

        while self._open_ends(wanted, tidy=tidy):
            await self._table.course.clear()
            self._held_until = time.monotonic() + MOST_HELD
            await scan.read(partial(self._take, wanted), at_once=self._at_once, go_on=go_on)
            await self._close_pending()
            if self._held_too_long():
                # Also while somebody pauses: nothing is held for as long as they like.
                await scan.give_back()
                continue
            self.all_seen = scan.complete
            self.more_copies = self.more_copies and not (tidy and scan.complete)
            await scan.give_back()
            if not self._open_ends(wanted, tidy=tidy) or not await self._more_came():
                break
        await scan.give_back()

    async def check(self, depth: int) -> None:
        """Remove again what came back to the queue although it was removed: the broker forgot it.

        What was sent must not lie there when this action is over, or it would be sent once more.
        `depth` is how many letters there were at the beginning.
        """
        scan, closing = self._table.scan, self._table.closing

        def take(delivery: Delivery) -> None:
            reader = self._table.reader
            if reader.own(delivery) and reader.id(delivery) in closing.closed:
                closing.remove(delivery)

        for _ in range(CHECKS):
            removed = closing.removed + self.finished + self._spare
            expected = depth - removed + self._table.returns.arrived
            if self._table.sender.ended or await scan.depth() <= expected:
                return
            await scan.read(take)
            await scan.give_back()

    def _open_ends(self, wanted: set[str], *, tidy: bool) -> bool:
        """Whether there is more to do in the queue; gives up kinds that were halted."""
        wanted.intersection_update(self.missing | self._shared)
        halts = self._table.returns.halts
        for one in [one for one in wanted if self._task.kinds[one] in halts]:
            wanted.discard(one)
            if one not in self.gone:
                self.missing.discard(one)
                self.kept[_CAME_BACK] += 1
        more = tidy and (self._left_over or self.more_copies)
        return bool(wanted or more) and not self.done_for

    async def _more_came(self) -> bool:
        """Whether letters are on their way back to the queue: who was killed held them."""
        if not self.all_seen:
            return False
        before = await self._table.scan.depth()
        await self._table.course.wait(SETTLE)
        return await self._table.scan.depth() > before

    def _take(self, wanted: set[str], delivery: Delivery) -> None:
        """Take a letter from the scan: put it aside if it is wanted, remove it if it was sent."""
        reader = self._table.reader
        letter_id = reader.id(delivery)
        own = reader.own(delivery)
        if own and letter_id in self._sent_before:
            self._table.closing.remove(delivery)
            if self._left_over.pop(letter_id, None) is None:
                self._spare += 1
            else:
                self.finished += 1
        elif own and letter_id in self._met:
            self._copies.append(delivery)
        elif letter_id in wanted and letter_id not in self._met:
            (self._met if own else self._shared).add(letter_id)
            self._pending.append(delivery)

    def _remove_copies(self) -> None:
        """Remove further copies of what is over, or they would be sent when they are found."""
        copies, self._copies = self._copies, []
        for delivery in copies:
            over = self._table.closing.is_over(self._table.reader.id(delivery))
            self._spare += over and self._table.closing.remove(delivery)

    async def _close_pending(self) -> None:
        pending, self._pending = self._pending, []
        halts = self._table.returns.halts
        for number, delivery in enumerate(pending, 1):
            letter = self._table.reader.letter(delivery)
            kind = self._task.kinds[letter.id]
            if kind not in halts:
                await self._turn()
            if self.done_for or self._held_too_long():
                self._met.difference_update(map(self._table.reader.id, pending[number - 1 :]))
                break
            self.missing.discard(letter.id)
            self.gone.discard(letter.id)
            if kind in halts:
                self.kept[_CAME_BACK] += 1
                continue
            self._close(letter, delivery)
            if number % UNCONFIRMED == 0:
                await self._settled()
        await self._settled()
        self._remove_copies()
        self._table.course.moved()

    async def _turn(self) -> None:
        """Return when the next letter may go."""
        course = self._table.course
        if course.paused:
            await self._settled()
            await course.clear(max(0.0, self._held_until - time.monotonic()))
        await course.wait(self.ramp.wait(time.monotonic()))

    async def _settled(self) -> None:
        """Return when it is known what became of every letter."""
        closing, sender = self._table.closing, self._table.sender
        while closing.busy and not sender.ended:
            closing.flush()
            await sender.idle()

    def _close(self, letter: Letter, delivery: Delivery) -> None:
        closing = self._table.closing
        if self._table.verb is Verb.DISCARD:
            closing.discard(letter.id, delivery)
            return
        queue = self._task.destination(letter)
        if not queue:
            self.kept[_NOWHERE] += 1
            return
        kind = self._task.kinds[letter.id]
        canary = self._task.canaries.get(kind) == letter.id
        self._table.returns.sent(letter.id, kind, canary=canary)
        message = publication(letter, queue, body=self._task.bodies.get(letter.id))
        closing.replay(letter.id, delivery, message)
        self._table.course.moved()

    def _held_too_long(self) -> bool:
        return time.monotonic() > self._held_until
