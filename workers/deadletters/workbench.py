"""What an operator does with dead letters: look, understand, send again, mend, discard.

Looking reads the journal and disturbs nothing. Acting holds the right to scan, takes letters out of
the queue only after the broker has confirmed what becomes of them, and writes down who did it.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from workers.deadletters.changes import changes, hidden
from workers.deadletters.finding import Finder, NoSuchLetter, only
from workers.deadletters.looking import Looker, Scanning, new_run
from workers.deadletters.marking import shape
from workers.deadletters.notes import Action, Verb, read_note
from workers.deadletters.pacing import Pace
from workers.deadletters.person import Operator
from workers.deadletters.proposing import Proposer
from workers.deadletters.reading import Reader
from workers.deadletters.running import Running, Tools
from workers.deadletters.selection import Selection
from workers.deadletters.shelf import starting
from workers.deadletters.tasks import discarding, editing, replaying
from workers.deadletters.views import Grouping, Listing, Meant, Overview, Proposal, Shown

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from workers.deadletters.changes import Change
    from workers.deadletters.deeds import Deed
    from workers.deadletters.finding import Survey
    from workers.deadletters.foresight import Foreseen
    from workers.deadletters.letter import Letter, Summary
    from workers.deadletters.tasks import Task
    from workers.deadletters.views import Standing
    from workers.link.desk import Desk
    from workers.outcome import Delivery

#: A page, where nobody says.
PAGE: Final = 50


class Workbench:
    """The verbs, for one queue of dead letters; each raises LinkError where they cannot be had.

    It remembers what it has read of the journal: kept for long, its looks take milliseconds. One
    for several people is made with `for_person`, which shares that memory.
    """

    def __init__(
        self,
        desk: Desk,
        operator: Operator | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        keep: float = 0.0,
        looker: Looker | None = None,
    ) -> None:
        """Make a bench; its line to the journal stays open for `keep` seconds after each look."""
        self._desk = desk
        self._operator = operator or Operator()
        self._reader = Reader(desk.names, desk.user)
        self._now = now
        self._looker = looker or Looker(
            desk, self._reader, who=self._operator.who, now=now, keep=keep
        )
        self._finder = Finder(desk, self._reader, self._looker, self._operator.masking)
        self._proposer = Proposer(desk, self._operator, self._looker, self._finder)

    @property
    def operator(self) -> Operator:
        """Who works here."""
        return self._operator

    @property
    def reading(self) -> int | None:
        """How many letters the first look has met so far; None when it is over."""
        return None if self._looker.looked else len(self._looker.known.open)

    def for_person(self, who: str) -> Workbench:
        """Return the same workbench with another person at it."""
        operator = replace(self._operator, who=who)
        return Workbench(self._desk, operator, now=self._now, looker=self._looker)

    async def close(self) -> None:
        """Hang up, where the line is kept open between looks."""
        await self._looker.close()

    # -- looking --

    async def ls(
        self,
        selection: Selection = Selection(),  # noqa: B008 - frozen
        *,
        limit: int = PAGE,
        page: int = 1,
        after: str = "",
        scan: Scanning = Scanning.IF_NEEDED,
    ) -> Listing:
        """Return a page of the letters that fit, newest first; `limit` 0 is all of them.

        `after` is the id of the last letter of the page before, and wins over `page`.
        """
        view = await self._looker.view(scan)
        row = await self._finder.fitting(view, selection)
        begin = (page - 1) * limit if limit else 0
        if after:
            begin = row.place(after) + 1
        return row.listing(begin, limit, view.standing)

    async def groups(
        self,
        selection: Selection = Selection(),  # noqa: B008 - frozen
        *,
        scan: Scanning = Scanning.IF_NEEDED,
    ) -> Grouping:
        """Return the letters that fit by what failed, the largest group first."""
        view = await self._looker.view(scan)
        row = await self._finder.fitting(view, selection)
        groups = await view.shelf.grouped(row)
        return Grouping(groups=groups, matching=len(row), standing=view.standing)

    async def overview(
        self,
        selection: Selection = Selection(),  # noqa: B008 - frozen
        *,
        limit: int = PAGE,
        page: int = 1,
        survey: Survey | None = None,
    ) -> Overview:
        """Return a page of the letters that fit, their groups, and all groups: one look for all."""
        view = await self._looker.view()
        everything = await view.shelf.fitting(Selection())
        row = await self._finder.fitting(view, selection, survey)
        return Overview(
            listing=row.listing((page - 1) * limit, limit, view.standing),
            groups=await view.shelf.grouped(row),
            all_groups=await view.shelf.grouped(everything),
        )

    async def show(self, letter_id: str, *, scan: Scanning = Scanning.IF_NEEDED) -> Shown:
        """Return a letter, open or not, by its id or the beginning of it.

        Raises NoSuchLetter, Ambiguous or TooShort.
        """
        view = await self._looker.view(scan)
        letter, is_open = await self._finder.letter(view, letter_id)
        body = self._operator.masking.shown(letter.body)
        deeds = () if self._desk.foreign else self._looker.known.deeds.values()
        family = {letter.id, letter.replay_of or ""}
        return Shown(
            letter=letter,
            body=shape(body, letter.diagnosis.errors),
            foreseen=self._operator.foresee(letter, self._desk),
            open=is_open,
            deeds=tuple(self._seen(deed) for deed in deeds if family & set(deed.examples)),
            replayed=self._looker.known.ends.get(letter.id),
            destination=self._destination(letter),
            editable=body,
            standing=view.standing,
        )

    async def history(self, letter_id: str = "") -> tuple[Deed, ...]:
        """Return what was done, newest first; with an id, what was done with that letter."""
        ledger = await self._looker.history()
        deeds = tuple(map(self._seen, reversed(ledger.deeds.values())))
        if not letter_id:
            return deeds
        runs: set[str] = set()

        def take(delivery: Delivery) -> None:
            note = read_note(delivery, self._desk.names)
            if note and any(one.startswith(letter_id) for one in note.ids):
                runs.add(note.run)

        await self._looker.fetcher.everything(take)
        return tuple(deed for deed in deeds if deed.run in runs)

    async def export(
        self,
        selection: Selection,
        take: Callable[[Letter], None],
        *,
        limit: int = 0,
        scan: Scanning = Scanning.IF_NEEDED,
        survey: Survey | None = None,
        unknown: Callable[[str], object] = lambda _: None,
    ) -> tuple[int, Standing]:
        """Show each whole letter that fits to `take`; returns how many there were.

        With a limit only the newest so many. `unknown` is told of each id that is given and fits
        no open letter. Raises Ambiguous.
        """
        view = await self._looker.view(scan)
        row = await self._finder.fitting(view, selection, survey)
        only(selection.ids, row.ids)
        for one in selection.ids:
            if not starting(one, row.ids):
                unknown(one)
        entries = row.entries[:limit] if limit else row.entries
        shown = 0

        def counted(letter: Letter) -> None:
            nonlocal shown
            shown += 1
            take(letter)

        # Some may leave while the others are read: what is told is what was shown.
        await self._looker.fetcher.letters(entries, counted)
        return shown, view.standing

    async def whole(self, selection: Selection) -> AsyncGenerator[list[Letter]]:
        """Yield the letters that fit, whole, a handful at once, as fast as they are taken.

        Raises Ambiguous.
        """
        row = await self._finder.fitting(await self._looker.view(), selection)
        only(selection.ids, row.ids)
        async with aclosing(self._looker.fetcher.handfuls(row.entries)) as handfuls:
            async for handful in handfuls:
                yield [self._reader.letter(delivery) for _, delivery in handful]

    # -- before acting --

    async def meant(
        self,
        selection: Selection,
        *,
        scan: Scanning = Scanning.IF_NEEDED,
        survey: Survey | None = None,
    ) -> Meant:
        """Return which letters an action on a selection would touch; raises Ambiguous."""
        return await self._proposer.meant(await self._looker.view(scan), selection, survey)

    async def preview(
        self,
        selection: Selection,
        *,
        scan: Scanning = Scanning.IF_NEEDED,
        survey: Survey | None = None,
    ) -> Proposal:
        """Return what a replay of the letters that fit would do now; changes nothing.

        Raises Ambiguous where the beginning of an id fits several.
        """
        return await self._proposer.proposal(await self._looker.view(scan), selection, survey)

    async def preview_edit(self, letter_id: str, body: bytes) -> Foreseen | None:
        """Return what would become of a letter with another body; None where nobody can tell.

        Values that still stand as `••••` are the originals. Raises NoSuchLetter or Ambiguous.
        """
        letter, _ = await self._finder.letter(await self._looker.view(), letter_id)
        return self._operator.foresee(letter, self._desk, body=body)

    # -- acting --

    def replay(
        self,
        proposal: Proposal,
        pace: Pace = Pace(),  # noqa: B008 - frozen
        *,
        why: str = "",
        anyway: bool = False,
    ) -> Running:
        """Return the replay of what was proposed, to be iterated over.

        Letters that would be refused again stay, but for `anyway`, which sends them all.
        """
        task = replaying(proposal, pace, self._destination, anyway=anyway)
        return self._running(Verb.REPLAY, task, why, proposal.meant.described)

    async def edit(self, letter_id: str, body: bytes, *, why: str = "") -> Running:
        """Return the replay of one open letter with another body, to be iterated over.

        Values that still stand as `••••` are the originals. Raises NoSuchLetter or Ambiguous.
        """
        view = await self._looker.view()
        letter, is_open = await self._finder.letter(view, letter_id)
        if not is_open:
            raise NoSuchLetter(f"{letter.id} is no open letter any more; there is nothing to mend")
        restored = self._operator.masking.restore(body, letter.body)
        task = editing(letter, restored, self._destination(letter))
        told = changes(letter.body, restored, self._operator.masking)
        return self._running(Verb.EDIT, task, why, f"ids={letter.id}", told)

    def discard(self, meant: Meant, *, why: str) -> Running:
        """Return the discarding of letters, to be iterated over; `why` goes into the history."""
        return self._running(Verb.DISCARD, discarding(meant), why, meant.described)

    # -- steps --

    def _seen(self, deed: Deed) -> Deed:
        """Return a deed as this person may see it."""
        return replace(deed, changes=hidden(deed.changes, self._operator.masking))

    def _running(
        self,
        verb: Verb,
        task: Task,
        why: str,
        selection: str,
        told: tuple[Change, ...] = (),
    ) -> Running:
        action = Action(
            desk=self._desk,
            run=new_run(),
            verb=verb,
            who=self._operator.who,
            why=why,
            selection=selection,
            changes=told,
        )
        return Running(action, task, Tools(self._reader, self._looker.ledger, self._now))

    def _destination(self, letter: Summary) -> str:
        return self._operator.destination(letter, self._desk)
