"""One action on many letters, from its first note to its last: replay, edit or discard.

It holds the right to scan all the time, so that two operators never work on the same letters. It
goes letter by letter, can be stopped between any two, and tells how it goes as data.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.deadletters.closing import Closing
from workers.deadletters.course import Course
from workers.deadletters.deeds import in_the_way
from workers.deadletters.notes import End, began, ended
from workers.deadletters.pacing import Ramp
from workers.deadletters.passing import Passing, Table
from workers.deadletters.returning import Returns
from workers.deadletters.steering import Steering
from workers.deadletters.views import Ending, Phase, Progress
from workers.link.desk import ScanRefused
from workers.link.journal import following
from workers.link.scan import scanning
from workers.link.sender import sending
from workers.link.supervisor import LinkError
from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from datetime import datetime

    from workers.deadletters.ledger import Ledger
    from workers.deadletters.notes import Action
    from workers.deadletters.reading import Reader
    from workers.deadletters.tasks import Task
    from workers.link.scan import Scan
    from workers.link.sender import Sender
    from workers.link.stream import Following
    from workers.publication import Publication

#: Seconds between two tellings of the progress.
TELL_EVERY: Final = 0.1
#: Seconds at the end in which letters may come back where no worker says what becomes of them.
LAST_LOOK: Final = 2.0
_STOPPED: Final = "stopped before its turn"


class Tools(NamedTuple):
    """What an action works with."""

    reader: Reader
    #: Reads what is new in the journal, and returns the ledger.
    ledger: Callable[[], Awaitable[Ledger]]
    now: Callable[[], datetime]


class Running:
    """One action; iterate over it to have it done, and be told how it goes."""

    def __init__(self, action: Action, task: Task, tools: Tools) -> None:
        self.action = action
        self._task = task
        self._reader, self._ledger, self._now = tools
        self._course = Course()
        self._steering = Steering(action, self._course, self._now)
        self._returns = Returns(action, self._reader, self._course, tolerated=task.pace.tolerated)
        #: Set once the connections stand.
        self._closing: Closing | None = None
        self._passing: Passing | None = None
        self._began = time.monotonic()
        #: How it goes now.
        self.progress = Progress(
            run=action.run,
            verb=action.verb.value,
            phase=Phase.BEGINNING,
            total=len(task.kinds) + sum(task.kept.values()),
            kept=dict(task.kept),
        )

    def stop(self, who: str = "") -> None:
        """Stop after the letter that is on its way; what is left stays where it is.

        The history tells who did, here and below; by default whoever began it.
        """
        self._steering.stop(who)

    def pause(self, who: str = "") -> None:
        """Send nothing more until `resume`; nobody else can act on these letters meanwhile."""
        self._steering.pause(who)

    def resume(self, who: str = "") -> None:
        """Go on after a pause."""
        self._steering.resume(who)

    async def __aiter__(self) -> AsyncGenerator[Progress]:
        """Do it, and yield how it goes, now and then; the last one is the result.

        Raises LinkError before anything is done where it cannot be done: ScanRefused while another
        action runs. Leaving the loop stops it, once what it yields from is closed (`aclosing`).
        """
        working = asyncio.ensure_future(self._begun())
        working.add_done_callback(lambda _: self._course.moved())
        try:
            while not working.done():
                await self._course.next_move()
                if not working.done():
                    yield self._snapshot()
                    await asyncio.wait([working], timeout=TELL_EVERY)
            await working
            yield self.progress
        finally:
            self._course.stop()
            with suppress(LinkError):
                await working

    async def result(self) -> Progress:
        """Do it, and return how it ended."""
        async with aclosing(self.__aiter__()) as told:
            async for _ in told:
                pass
        return self.progress

    # -- the action --

    async def _begun(self) -> None:
        try:
            await self._run()
        finally:
            # Whoever keeps this for its result keeps no hundred thousand ids with it.
            self._task = self._task._replace(kinds={}, bodies={})
            self._closing = self._passing = None
            self._returns = Returns(self.action, self._reader, self._course)

    async def _run(self) -> None:
        try:
            await self._alone()
        except ScanRefused as error:
            raise await self._refused(error) from error

    async def _refused(self, error: ScanRefused) -> ScanRefused:
        """Return the same refusal, with who works on these letters where the journal says so."""
        ledger = await self._ledger()
        deed = ledger.deeds.get(ledger.going or "")
        return error if deed is None or self.action.desk.foreign else ScanRefused(in_the_way(deed))

    async def _alone(self) -> None:
        async with scanning(self.action.desk) as scan:
            depth = await scan.depth()
            ledger = await self._ledger()
            left_over = {one: run for run, ids in ledger.sent.items() for one in ids}
            interrupted = tuple(ledger.sent)
            try:
                async with (
                    following(self.action.desk, self._returns.heard, offset=ledger.next) as journal,
                    sending(self.action.desk) as sender,
                ):
                    passing = self._lay(scan, sender, left_over, copies=ledger.surplus > 0)
                    if not self.action.desk.foreign:
                        passing.gone = self._task.kinds.keys() - ledger.open.keys()
                    await self._work(passing, scan, sender, journal)
                    await passing.check(depth)
                    await self._last_look(journal)
                    await self._end(passing, sender, interrupted)
            except LinkError as error:
                if self.progress.phase is Phase.BEGINNING:
                    raise
                self._over(Ending.FAILED, str(error))

    def _lay(
        self, scan: Scan, sender: Sender, left_over: dict[str, str], *, copies: bool
    ) -> Passing:
        """Return what goes through the queue, now that the connections stand."""
        closing = Closing(
            self.action,
            removing=scan,
            sending=sender,
            now=self._now,
            unsent=self._returns.unsent,
        )
        table = Table(
            self.action.verb, scan, sender, closing, self._returns, self._course, self._reader
        )
        self._closing = closing
        self._passing = Passing(table, self._task, left_over, copies=copies)
        return self._passing

    async def _work(self, passing: Passing, scan: Scan, sender: Sender, journal: Following) -> None:
        if self._task.canaries:
            await self._somebody_there(scan)
        await self._write(sender, began(self.action, self.progress.total, self._now()))
        self._steering.begin(sender)
        pace = self._task.pace
        if self._task.canaries:
            self._phase(Phase.CANARY)
            await passing.go(set(self._task.canaries.values()))
            waited = time.monotonic()
            await self._returns.known(journal, pace.wait, self._returns.canaries_known)
            self._returns.judge(time.monotonic() - waited)
        self._phase(Phase.WORKING)
        passing.ramp = Ramp(pace.rate, time.monotonic())
        await passing.go(set(passing.missing), tidy=True)

    async def _last_look(self, journal: Following) -> None:
        """Wait for what is still on its way: for as long as workers tell what becomes of it."""
        returns, pace = self._returns, self._task.pace
        if returns.all_known() or not pace.wait or self._course.stopped:
            return
        self._phase(Phase.WATCHING)
        await returns.known(journal, min(LAST_LOOK, pace.wait), returns.all_known)
        if returns.told:
            await returns.known(journal, pace.wait - LAST_LOOK, returns.all_known)

    async def _end(self, passing: Passing, sender: Sender, interrupted: tuple[str, ...]) -> None:
        ending = self._ending(sender)
        self._steering.end()
        if ending is Ending.STOPPED and (left := passing.missing - passing.gone):
            passing.kept[_STOPPED] += len(left)
            passing.missing -= left
        self._over(ending, sender.ended)
        told = self.progress
        end = End(
            outcome=ending.value,
            done=told.done,
            kept=told.kept,
            gone=told.gone,
            # Stopped before all copies were looked for: the next action looks for the rest.
            unremoved=told.unremoved or int(passing.more_copies and told.done > 0),
            finishes=interrupted if passing.all_seen else (),
            succeeded=told.succeeded,
            returned=told.returned,
        )
        if not sender.ended:
            await self._write(sender, ended(self.action, end, self._now()))

    async def _somebody_there(self, scan: Scan) -> None:
        """Raise LinkError where nobody would take what is sent: a canary could not come back."""
        for queue in self._task.queues:
            if not await scan.is_consumed(queue):
                raise LinkError(
                    f"no worker takes from {queue}, so nobody could tell whether a first letter "
                    "passes; start one (`leveret run`), or replay without a canary (--no-canary)",
                )

    async def _write(self, sender: Sender, note: Publication) -> None:
        fates: list[Published] = []
        sender.post(note, fates.append)
        await sender.idle()
        if fates != [Published.CONFIRMED]:
            raise LinkError(
                f"the journal {self.action.names.journal} takes no notes, and nothing is done "
                "without one; `leveret topology plan` says what is wrong with it",
            )

    def _ending(self, sender: Sender) -> Ending:
        if sender.ended:
            return Ending.FAILED
        if self._course.stopped:
            return Ending.STOPPED
        return Ending.HALTED if self._returns.halts else Ending.DONE

    # -- telling --

    def _phase(self, phase: Phase) -> None:
        self.progress = replace(self._snapshot(), phase=phase)
        self._course.moved()

    def _over(self, ending: Ending, why: str) -> None:
        passing = self._passing
        gone = passing.missed if passing else 0
        self.progress = replace(
            self._snapshot(),
            phase=Phase.OVER,
            ending=ending,
            why=why,
            gone=gone,
        )

    def _snapshot(self) -> Progress:
        closing, passing, returns = self._closing, self._passing, self._returns
        now = time.monotonic()
        self.progress = replace(
            self.progress,
            returned=returns.returned,
            succeeded=returns.succeeded,
            retrying=returns.retrying,
            unknown=returns.unknown,
            canaries=tuple(returns.canaries.values()),
            halts=tuple(returns.halts.values()),
            paused=self._course.paused,
            seconds=now - self._began,
        )
        if closing is not None and passing is not None:
            rate = passing.ramp.allowed(now)
            self.progress = replace(
                self.progress,
                done=closing.removed,
                kept=dict(passing.kept + closing.kept),
                unremoved=closing.unremoved,
                unnoted=closing.unnoted,
                finished=passing.finished,
                rate=0.0 if rate == float("inf") else rate,
            )
        return self.progress
