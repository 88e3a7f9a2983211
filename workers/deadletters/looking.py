"""Which letters are open: read in the journal, and in the queue itself where the two disagree.

Looking takes nothing in hand. Only where the queue holds another number of letters than the journal
says - another tool moved some, or the journal has forgotten its beginning - the queue is looked
through, and what comes of it is noted, so that the next look need not.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.deadletters.fetching import Fetcher
from workers.deadletters.ledger import NOWHERE, Entry, Ledger
from workers.deadletters.line import Line
from workers.deadletters.notes import Action, Verb, reconciled
from workers.deadletters.shelf import Shelf
from workers.deadletters.views import Standing
from workers.link.desk import ScanRefused
from workers.link.scan import scanning
from workers.link.sender import sending
from workers.link.stream import Restarted
from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from workers.deadletters.letter import Summary
    from workers.deadletters.reading import Reader
    from workers.link.desk import Desk
    from workers.link.journal import Journal
    from workers.link.stream import Following
    from workers.outcome import Delivery

#: Seconds after which the journal and the queue are compared again before they are said to differ:
#: a letter is in one of them a moment before it is in the other.
SETTLE: Final = 0.3
#: Comparisons before they differ.
LOOKS: Final = 3


class Scanning(Enum):
    """Whether looking may take the letters in hand."""

    #: Where the journal and the queue disagree.
    IF_NEEDED = "if needed"
    NEVER = "never"
    ALWAYS = "always"


class View(NamedTuple):
    """The open letters."""

    shelf: Shelf
    standing: Standing


class _Compared(NamedTuple):
    """The queue and the journal, one beside the other."""

    #: Letters in the queue.
    ready: int
    agree: bool
    #: Whether somebody has letters in hand at this moment.
    busy: bool


class Looker:
    """Knows which letters are open; what it has read once it does not read again.

    With `keep` its line to the journal stays open for so many seconds after each look.
    """

    def __init__(
        self,
        desk: Desk,
        reader: Reader,
        *,
        who: str,
        now: Callable[[], datetime],
        keep: float = 0.0,
    ) -> None:
        self._desk = desk
        self._reader = reader
        self._who = who
        self._now = now
        self._line = Line(desk, keep=keep)
        self._ledger = self._fresh()
        self._shelf = Shelf({})
        self._shelved = (self._ledger, 0)
        self._alone = asyncio.Lock()
        #: Whether all of the journal was read once.
        self.looked = False
        #: Reads letters whole.
        self.fetcher = Fetcher(desk, reader, self._line)

    @property
    def known(self) -> Ledger:
        """The ledger as the last look left it."""
        return self._ledger

    async def close(self) -> None:
        """Hang up."""
        await self._line.close()

    async def ledger(self) -> Ledger:
        """Return the ledger after reading what is new in the journal."""
        async with self._alone:
            await self._read()
            return self._ledger

    async def history(self) -> Ledger:
        """Return the same, where it is also known whether what has not ended goes on."""
        async with self._alone:
            await self._read()
            if self._ledger.going is not None:
                try:
                    async with self._line.reading(self._ledger) as (journal, reading):
                        await self._busy(journal, reading)
                except Restarted:
                    await self._read()
            return self._ledger

    async def view(self, scan: Scanning = Scanning.IF_NEEDED) -> View:
        """Return the open letters; raises LinkError where they cannot be had."""
        if self._desk.foreign:
            return await self._foreign()
        async with self._alone:
            found = await self._compare()
            if scan is Scanning.ALWAYS or not (found.agree or found.busy):
                if scan is not Scanning.NEVER:
                    return await self._reconcile()
                return self._view(_differ(found.ready, self._ledger.expected))
            return self._view("", busy=found.busy)

    # -- the journal --

    async def _read(self) -> None:
        try:
            async with self._line.reading(self._ledger) as (_, reading):
                await reading.caught_up()
        except Restarted:
            self._ledger = self._fresh()
            await self._read()

    async def _compare(self) -> _Compared:
        """Read what is new, and see whether the queue holds as many letters as it should."""
        try:
            async with self._line.reading(self._ledger) as (journal, reading):
                before = await journal.depth()
                if not reading.began:
                    await reading.caught_up()
                ready, agree = await self._agree(journal, reading, before)
                alone = agree and self._ledger.going is None
                busy = not alone and await self._busy(journal, reading)
                return _Compared(ready, agree, busy)
        except Restarted:
            self._ledger = self._fresh()
            return await self._compare()

    async def _busy(self, journal: Journal, reading: Following) -> bool:
        """Whether somebody acts at this moment; an action that nobody works on was interrupted."""
        going = self._ledger.going
        if await journal.busy():
            return True
        if going is not None:
            # Its last note may have come between the two looks, but not after the second.
            await reading.caught_up()
            if self._ledger.going == going:
                self._ledger.interrupted(going)
        return False

    async def _agree(self, journal: Journal, reading: Following, before: int) -> tuple[int, bool]:
        """Return how many letters the queue holds, and whether the journal says so too."""
        if before == self._ledger.expected:
            return before, True
        for _ in range(LOOKS):
            known = self._ledger.expected
            ready = await journal.depth()
            now = self._ledger.expected
            # Where letters come in just now, the one or the other is a moment ahead.
            low, high = min(known, before), max(now, ready)
            if now == ready or (known != now and low <= ready <= high):
                return ready, True
            before = ready
            await reading.wait(SETTLE)
        return ready, False

    # -- the queue --

    async def _foreign(self) -> View:
        """Look through another program's queue; there is no journal of it."""
        entries: dict[str, Entry] = {}
        reasons: dict[str, str] = {}

        def take(delivery: Delivery) -> None:
            summary = self._reader.summary(delivery)
            entries.setdefault(summary.id, Entry(summary, NOWHERE))
            reasons.setdefault(summary.fingerprint, self._reader.reason(delivery))

        async with scanning(self._desk) as scan:
            await scan.read(take)
            warning = scan.warning or _some_held(scan.complete)
            standing = Standing(open=scan.ready, warning=warning, scanned=True)
        return View(Shelf(entries, reasons), standing)

    async def _reconcile(self) -> View:
        """Look through the queue, and note what the journal did not know."""
        # What came in this very moment may be in the journal and not yet in the queue.
        known = set(self._ledger.open)
        try:
            async with scanning(self._desk) as scan:
                await self._read()
                ledger = self._ledger
                sent = {one for ids in ledger.sent.values() for one in ids}
                met: Counter[str] = Counter()
                found: dict[str, Summary] = {}

                def take(delivery: Delivery) -> None:
                    one = self._reader.id(delivery)
                    met[one] += 1
                    if one not in ledger.open and one not in sent:
                        found[one] = self._reader.summary(delivery)

                for _ in range(LOOKS):
                    met.clear()
                    found.clear()
                    await scan.read(take)
                    warning = scan.warning or _some_held(scan.complete)
                    await scan.give_back()
                    if known <= met.keys():
                        break
                    # Somebody's letters may be on their way back: who was killed a moment ago.
                    await asyncio.sleep(SETTLE)
                    if await scan.depth() <= scan.ready:
                        break
                # What came meanwhile is in the journal by now.
                await self._read()
                new = [letter for one, letter in found.items() if one not in ledger.open]
                gone = (known & ledger.open.keys()) - met.keys() if scan.complete else set()
                surplus = sum(met.values()) - len(met.keys() - sent)
                if new or gone or surplus != ledger.surplus:
                    await self._note(gone, new, surplus)
        except ScanRefused:
            return self._view("", busy=True)
        return self._view(warning, scanned=True)

    async def _note(self, gone: set[str], new: list[Summary], surplus: int) -> None:
        action = Action(
            desk=self._desk,
            run=new_run(),
            verb=Verb.RECONCILE,
            who=self._who,
        )
        fates: list[Published] = []
        async with sending(self._desk) as sender:
            for note in reconciled(action, sorted(gone), new, surplus=surplus, now=self._now()):
                sender.post(note, fates.append)
            await sender.idle()
        await self._read()

    def _view(self, warning: str, *, busy: bool = False, scanned: bool = False) -> View:
        ledger = self._ledger
        left_over = 0 if busy else sum(map(len, ledger.sent.values()))
        standing = Standing(
            open=len(ledger.open),
            warning=warning,
            busy=busy,
            left_over=left_over,
            scanned=scanned,
        )
        if self._shelved != (ledger, ledger.version):
            self._shelf = Shelf(dict(ledger.open), ledger.reasons)
            self._shelved = (ledger, ledger.version)
        self.looked = True
        return View(self._shelf, standing)

    def _fresh(self) -> Ledger:
        return Ledger(self._reader, group=self._desk.group, queue=self._desk.queue)


def new_run() -> str:
    """Return the name of a new action."""
    return secrets.token_hex(6)


def _differ(ready: int, expected: int) -> str:
    return (
        f"the queue holds {ready} letters and the journal says {expected}: another tool moved "
        "some; a look with --scan compares them"
    )


def _some_held(complete: bool) -> str:  # noqa: FBT001 - a property of the scan
    return "" if complete else "another program holds some of the letters, which are not shown"
