"""One action on many letters, from its first note to its last: replay, edit or discard.

It holds the right to scan all the time, so that two operators never work on the same letters. It
goes letter by letter, can be stopped between any two, and tells how it goes as data.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.deadletters.closing import Closing
from workers.deadletters.notes import End, Verb, began, ended
from workers.deadletters.pacing import Ramp
from workers.deadletters.replaying import publication
from workers.deadletters.views import Ending, Halt, Phase, Progress
from workers.link.journal import following
from workers.link.scan import scanning
from workers.link.sender import sending
from workers.link.supervisor import LinkError
from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import datetime

    from workers.deadletters.ledger import Ledger
    from workers.deadletters.letter import Letter
    from workers.deadletters.notes import Action
    from workers.deadletters.reading import Reader
    from workers.deadletters.tasks import Task
    from workers.link.scan import Scan
    from workers.link.sender import Sender
    from workers.link.stream import Following
    from workers.outcome import Delivery
    from workers.publication import Publication

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
#: Seconds between two looks at what came back.
LOOK_EVERY: Final = 0.2
#: Seconds between two tellings of the progress.
TELL_EVERY: Final = 0.1
_CAME_BACK: Final = "a letter of its kind came back, so it stays"
_STOPPED: Final = "stopped before its turn"


class Tools(NamedTuple):
    """What an action works with."""

    reader: Reader
    #: Reads what is new in the journal, and returns the ledger.
    ledger: Callable[[], Awaitable[Ledger]]
    now: Callable[[], datetime]


class _Table(NamedTuple):
    """The connections of one action."""

    scan: Scan
    sender: Sender
    journal: Following
    closing: Closing


class Running:
    """One action; iterate over it to have it done, and be told how it goes."""

    def __init__(self, action: Action, task: Task, tools: Tools) -> None:
        self.action = action
        self._task = task
        self._reader, self._ledger, self._now = tools
        self._missing = set(task.kinds)
        self._pending: list[Delivery] = []
        #: Letters that an interrupted run has sent, which still lie here; and that run.
        self._left_over: dict[str, str] = {}
        #: Letters met whose ids a worker gave them, and ids that several letters may share.
        self._met: set[str] = set()
        self._shared: set[str] = set()
        #: Letter → fingerprint, of what was sent and could come back.
        self._kinds: dict[str, str] = {}
        self._returned: Counter[str] = Counter()
        self._halts: dict[str, Halt] = {}
        self._kept = Counter(task.kept)
        self._finished = 0
        #: Letters in the queue at the beginning, and those that came since.
        self._depth = 0
        self._arrived = 0
        self._stop = asyncio.Event()
        self._moved = asyncio.Event()
        self._ramp = Ramp(0.0, 0.0)
        self._held_until = 0.0
        self._all_seen = False
        self._at_once = max(LEAST_AT_ONCE, min(MOST_AT_ONCE, MOST_BYTES // (task.largest or 1)))
        self._began = time.monotonic()
        self._closing: Closing | None = None
        #: How it goes now.
        self.progress = Progress(
            run=action.run,
            verb=action.verb.value,
            phase=Phase.BEGINNING,
            total=len(task.kinds) + sum(task.kept.values()),
            kept=dict(task.kept),
        )

    def stop(self) -> None:
        """Stop after the letter that is on its way; what is left stays where it is."""
        self._stop.set()
        self._moved.set()

    async def __aiter__(self) -> AsyncIterator[Progress]:
        """Do it, and yield how it goes, now and then; the last one is the result.

        Raises LinkError before anything is done where it cannot be done: ScanRefused while another
        action runs. Leaving the loop stops it.
        """
        working = asyncio.ensure_future(self._run())
        working.add_done_callback(lambda _: self._moved.set())
        try:
            while not working.done():
                await self._moved.wait()
                self._moved.clear()
                if not working.done():
                    yield self._snapshot()
                    await asyncio.wait([working], timeout=TELL_EVERY)
            await working
            yield self.progress
        finally:
            self.stop()
            with suppress(LinkError):
                await working

    async def result(self) -> Progress:
        """Do it, and return how it ended."""
        async for _ in self:
            pass
        return self.progress

    # -- the action --

    async def _run(self) -> None:
        async with scanning(self.action.desk) as scan:
            self._depth = await scan.depth()
            ledger = await self._ledger()
            self._left_over = {one: run for run, ids in ledger.sent.items() for one in ids}
            try:
                async with (
                    following(self.action.desk, self._heard, offset=ledger.next) as journal,
                    sending(self.action.desk) as sender,
                ):
                    closing = self._closing = Closing(
                        self.action,
                        removing=scan,
                        sending=sender,
                        now=self._now,
                    )
                    await self._work(_Table(scan, sender, journal, closing), tuple(ledger.sent))
            except LinkError as error:
                if self.progress.phase is Phase.BEGINNING:
                    raise
                self._over(Ending.FAILED, str(error))

    async def _work(self, table: _Table, interrupted: tuple[str, ...]) -> None:
        if self._task.canaries:
            await self._somebody_there(table.scan)
        await self._write(table.sender, began(self.action, self.progress.total, self._now()))
        if self._task.canaries:
            self._phase(Phase.CANARY)
            await self._pass(table, set(self._task.canaries.values()))
            await self._watch(table.journal, self._task.pace.wait)
        self._phase(Phase.WORKING)
        pace = self._task.pace
        self._ramp = Ramp(pace.rate, time.monotonic())
        await self._pass(table, set(self._missing), tidy=True)
        await self._check(table)
        if self._kinds and pace.wait and not self._stop.is_set():
            self._phase(Phase.WATCHING)
            await self._watch(table.journal, min(pace.wait, 1.0) if self._task.canaries else 0.0)
        ending = self._ending(table.sender)
        if ending is Ending.STOPPED and self._missing:
            self._kept[_STOPPED] += len(self._missing)
            self._missing.clear()
        self._over(ending, table.sender.ended)
        told = self.progress
        end = End(
            outcome=ending.value,
            done=told.done,
            kept=told.kept,
            unremoved=told.unremoved,
            finishes=interrupted if self._all_seen else (),
        )
        if not table.sender.ended:
            await self._write(table.sender, ended(self.action, end, self._now()))

    async def _pass(self, table: _Table, wanted: set[str], *, tidy: bool = False) -> None:
        """Go through the queue once, or as often as it takes with letters held for long.

        With `tidy` it also finds what interrupted runs left over.
        """

        def open_ends() -> bool:
            wanted.intersection_update(self._missing | self._shared)
            for one in [one for one in wanted if self._task.kinds[one] in self._halts]:
                wanted.discard(one)
                self._missing.discard(one)
                self._kept[_CAME_BACK] += 1
            return bool(wanted or (tidy and self._left_over)) and not self._done_for(table)

        async def go_on() -> bool:
            await self._close_pending(table)
            return open_ends() and not self._held_too_long()

        while open_ends():
            self._held_until = time.monotonic() + MOST_HELD
            take = partial(self._take, table.closing, wanted)
            await table.scan.read(take, at_once=self._at_once, go_on=go_on)
            await self._close_pending(table)
            if self._held_too_long():
                continue
            self._all_seen = table.scan.complete
            await table.scan.give_back()
            if not open_ends() or not await self._more_came(table.scan):
                break
        await table.scan.give_back()

    async def _check(self, table: _Table) -> None:
        """Remove again what came back to the queue although it was removed: the broker forgot it.

        What was sent must not lie there when this action is over, or it would be sent once more.
        """
        closing = table.closing

        def take(delivery: Delivery) -> None:
            if self._reader.own(delivery) and self._reader.id(delivery) in closing.closed:
                closing.remove(delivery)

        for _ in range(CHECKS):
            expected = self._depth - closing.removed - self._finished + self._arrived
            if table.sender.ended or await table.scan.depth() <= expected:
                return
            await table.scan.read(take)
            await table.scan.give_back()

    async def _more_came(self, scan: Scan) -> bool:
        """Whether letters are on their way back to the queue: who was killed held them."""
        if not self._all_seen:
            return False
        before = await scan.depth()
        await self._wait(SETTLE)
        return await scan.depth() > before

    def _take(self, closing: Closing, wanted: set[str], delivery: Delivery) -> None:
        """Take a letter from the scan: put it aside if it is wanted, remove it if it was sent."""
        letter_id = self._reader.id(delivery)
        own = self._reader.own(delivery)
        if own and (letter_id in self._left_over or letter_id in closing.sent):
            closing.remove(delivery)
            self._left_over.pop(letter_id, None)
            self._finished += 1
        elif letter_id in wanted and letter_id not in self._met:
            (self._met if own else self._shared).add(letter_id)
            self._pending.append(delivery)

    async def _close_pending(self, table: _Table) -> None:
        pending, self._pending = self._pending, []
        for number, delivery in enumerate(pending, 1):
            letter = self._reader.letter(delivery)
            kind = self._task.kinds[letter.id]
            if kind not in self._halts:
                await self._wait(self._ramp.wait(time.monotonic()))
            if self._done_for(table) or self._held_too_long():
                self._met.difference_update(map(self._reader.id, pending[number - 1 :]))
                break
            self._missing.discard(letter.id)
            if kind in self._halts:
                self._kept[_CAME_BACK] += 1
                continue
            self._close(table.closing, letter, delivery)
            if number % UNCONFIRMED == 0:
                await self._settled(table)
        await self._settled(table)
        self._moved.set()

    async def _settled(self, table: _Table) -> None:
        """Return when it is known what became of every letter."""
        while table.closing.busy and not table.sender.ended:
            table.closing.flush()
            await table.sender.idle()

    def _close(self, closing: Closing, letter: Letter, delivery: Delivery) -> None:
        if self.action.verb is Verb.DISCARD:
            closing.discard(letter.id, delivery)
            return
        queue = self._task.destination(letter)
        if not queue:
            self._kept["nobody knows where it came from; say where it goes (--to QUEUE)"] += 1
            return
        self._kinds[letter.id] = self._task.kinds[letter.id]
        message = publication(letter, queue, body=self._task.bodies.get(letter.id))
        closing.replay(letter.id, delivery, message)
        self._moved.set()

    # -- what comes back --

    def _heard(self, delivery: Delivery) -> None:
        """Take a new message of the journal: a letter that was sent may be one again."""
        if delivery.routing_key == self.action.names.journal_key:
            return
        self._arrived += delivery.routing_key == self.action.names.dead_key(self.action.group)
        letter = self._reader.letter(delivery)
        kind = self._kinds.get(letter.replay_of or "")
        if kind is None:
            return
        self._returned[kind] += 1
        if kind not in self._halts and self._returned[kind] > self._task.pace.tolerated:
            self._halts[kind] = Halt(
                fingerprint=kind,
                letter_id=letter.id,
                error_code=letter.error_code,
                reason=letter.diagnosis.reason,
            )
        self._moved.set()

    async def _watch(self, journal: Following, seconds: float) -> None:
        """Wait for letters to come back: until the time is over, or all kinds have."""
        until = time.monotonic() + seconds
        while not self._stop.is_set() and len(self._halts) < len(set(self._kinds.values())):
            left = until - time.monotonic()
            if left <= 0:
                return
            await journal.wait(min(left, LOOK_EVERY))

    async def _somebody_there(self, scan: Scan) -> None:
        """Raise LinkError where nobody would take what is sent: a canary could not come back."""
        for queue in self._task.queues:
            if await scan.consumers(queue) == 0:
                raise LinkError(
                    f"no worker takes from {queue}, so nobody could tell whether a first letter "
                    "passes; start one (`leveret run`), or replay without a canary (--no-canary)",
                )

    # -- small steps --

    async def _write(self, sender: Sender, note: Publication) -> None:
        fates: list[Published] = []
        sender.post(note, fates.append)
        await sender.idle()
        if fates != [Published.CONFIRMED]:
            raise LinkError(
                f"the journal {self.action.names.journal} takes no notes, and nothing is done "
                "without one; `leveret topology plan` says what is wrong with it",
            )

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._stop.wait()

    def _held_too_long(self) -> bool:
        return time.monotonic() > self._held_until

    def _done_for(self, table: _Table) -> bool:
        return self._stop.is_set() or bool(table.sender.ended)

    def _ending(self, sender: Sender) -> Ending:
        if sender.ended:
            return Ending.FAILED
        if self._stop.is_set():
            return Ending.STOPPED
        return Ending.HALTED if self._halts else Ending.DONE

    # -- telling --

    def _phase(self, phase: Phase) -> None:
        self.progress = replace(self._snapshot(), phase=phase)
        self._moved.set()

    def _over(self, ending: Ending, why: str) -> None:
        gone = len(self._missing) if self._all_seen else 0
        self.progress = replace(
            self._snapshot(),
            phase=Phase.OVER,
            ending=ending,
            why=why,
            gone=gone,
        )

    def _snapshot(self) -> Progress:
        now = time.monotonic()
        rate = self._ramp.allowed(now)
        closing = self._closing
        self.progress = replace(
            self.progress,
            done=closing.removed if closing else 0,
            kept=dict(self._kept + closing.kept) if closing else dict(self._kept),
            returned=sum(self._returned.values()),
            halts=tuple(self._halts.values()),
            unremoved=closing.unremoved if closing else 0,
            unnoted=closing.unnoted if closing else 0,
            finished=self._finished,
            seconds=now - self._began,
            rate=0.0 if rate == float("inf") else rate,
        )
        return self.progress
