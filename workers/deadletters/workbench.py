"""What an operator does with dead letters: look, understand, send again, mend, discard.

Looking reads the journal and disturbs nothing. Acting holds the right to scan, takes letters out of
the queue only after the broker has confirmed what becomes of them, and writes down who did it.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from workers.deadletters.groups import grouped
from workers.deadletters.ledger import Entry
from workers.deadletters.looking import Looker, Scanning, new_run
from workers.deadletters.marking import shape
from workers.deadletters.masking import Masking
from workers.deadletters.notes import Action, Verb, read_note
from workers.deadletters.pacing import Pace
from workers.deadletters.reading import Reader
from workers.deadletters.replaying import destination
from workers.deadletters.running import FAIL_AGAIN, Running, Task, Tools
from workers.deadletters.selection import Selection
from workers.deadletters.views import Grouping, Listing, Meant, Proposal, Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from workers.deadletters.foresight import Foreseen, Foresight
    from workers.deadletters.letter import Letter, Summary
    from workers.deadletters.looking import View
    from workers.deadletters.notes import Deed
    from workers.deadletters.views import Standing
    from workers.link.desk import Desk
    from workers.outcome import Delivery

#: Letters named where the beginning of an id fits several.
MOST_NAMED: Final = 5
#: A page, where nobody says.
PAGE: Final = 50
#: An edited letter goes at once: somebody looked at it.
AT_ONCE: Final = Pace(rate=0.0, canary=False)
NOTHING_HIDDEN: Final = Masking()


class NoSuchLetter(Exception):
    """No letter has the id that was asked for."""


class Ambiguous(Exception):
    """The beginning of an id fits several letters; the message names some."""


def this_person() -> str:
    """Return who works here, as the system knows: `ada@host`."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        name = str(os.getuid())
    return f"{name}@{socket.gethostname().split('.')[0]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who works, what they may see, and how they judge."""

    #: The person, for the history: a system's or a console's user.
    who: str = field(default_factory=this_person)
    masking: Masking = NOTHING_HIDDEN
    #: Judges what a replay would do now; None where no processors are known.
    foresight: Foresight | None = None
    #: Where letters go that do not say where they came from, or that should go elsewhere.
    to: str = ""


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
        looker: Looker | None = None,
    ) -> None:
        self._desk = desk
        self._operator = operator or Operator()
        self._reader = Reader(desk.names, desk.user)
        self._now = now
        self._looker = looker or Looker(desk, self._reader, who=self._operator.who, now=now)

    @property
    def operator(self) -> Operator:
        """Who works here."""
        return self._operator

    def for_person(self, who: str) -> Workbench:
        """Return the same workbench with another person at it."""
        operator = replace(self._operator, who=who)
        return Workbench(self._desk, operator, now=self._now, looker=self._looker)

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
        letters = [one.summary for one in (await self._fitting(view, selection)).values()]
        letters.sort(key=_newest, reverse=True)
        begin = (page - 1) * limit if limit else 0
        if after:
            begin = next((n + 1 for n, one in enumerate(letters) if one.id == after), len(letters))
        end = begin + limit if limit else len(letters)
        return Listing(
            letters=tuple(letters[begin:end]),
            matching=len(letters),
            before=min(begin, len(letters)),
            standing=view.standing,
        )

    async def groups(
        self,
        selection: Selection = Selection(),  # noqa: B008 - frozen
        *,
        scan: Scanning = Scanning.IF_NEEDED,
    ) -> Grouping:
        """Return the letters that fit by what failed, the largest group first."""
        view = await self._looker.view(scan)
        fitting = await self._fitting(view, selection)
        return Grouping(
            groups=grouped(one.summary for one in fitting.values()),
            matching=len(fitting),
            standing=view.standing,
        )

    async def show(self, letter_id: str, *, scan: Scanning = Scanning.IF_NEEDED) -> Shown:
        """Return a letter, open or not, by its id or the beginning of it.

        Raises NoSuchLetter, Ambiguous or TooShort.
        """
        view = await self._looker.view(scan)
        letter, is_open = await self._letter(view, letter_id)
        mask = self._operator.masking
        body = mask.shown(letter.body)
        foresight = self._operator.foresight
        queue = self._destination(letter)
        ledger = None if self._desk.foreign else await self._looker.ledger()
        deeds = ledger.deeds.values() if ledger else ()
        family = {letter.id, letter.replay_of or ""}
        return Shown(
            letter=letter,
            body=shape(body, letter.diagnosis.errors),
            foreseen=foresight.letter(letter, queue) if foresight else None,
            open=is_open,
            deeds=tuple(deed for deed in deeds if family & set(deed.examples)),
            destination=queue,
            editable=body,
            standing=view.standing,
        )

    async def history(self, letter_id: str = "") -> tuple[Deed, ...]:
        """Return what was done, newest first; with an id, what was done with that letter."""
        ledger = await self._looker.ledger()
        deeds = tuple(reversed(ledger.deeds.values()))
        if not letter_id:
            return deeds
        runs: set[str] = set()

        def take(delivery: Delivery) -> None:
            note = read_note(delivery, self._desk.names)
            if note and any(one.startswith(letter_id) for one in note.ids):
                runs.add(note.run)

        await self._looker.everything(take)
        return tuple(deed for deed in deeds if deed.run in runs)

    async def export(
        self,
        selection: Selection,
        take: Callable[[Letter], None],
        *,
        limit: int = 0,
        scan: Scanning = Scanning.IF_NEEDED,
    ) -> tuple[int, Standing]:
        """Show each whole letter that fits to `take`; returns how many there were.

        With a limit only the newest so many.
        """
        view = await self._looker.view(scan)
        fitting = await self._fitting(view, selection)
        _only(selection.ids, fitting)
        if limit:
            newest = sorted(fitting.items(), key=lambda row: _newest(row[1].summary))
            fitting = dict(newest[-limit:])
        await self._looker.letters(fitting, take)
        return len(fitting), view.standing

    # -- before acting --

    async def meant(
        self,
        selection: Selection,
        *,
        scan: Scanning = Scanning.IF_NEEDED,
    ) -> Meant:
        """Return which letters an action on a selection would touch; raises Ambiguous."""
        view = await self._looker.view(scan)
        return self._meant(view, selection, await self._fitting(view, selection))

    async def preview(
        self,
        selection: Selection,
        *,
        scan: Scanning = Scanning.IF_NEEDED,
    ) -> Proposal:
        """Return what a replay of the letters that fit would do now; changes nothing.

        Raises Ambiguous where the beginning of an id fits several.
        """
        view = await self._looker.view(scan)
        fitting = await self._fitting(view, selection)
        meant = self._meant(view, selection, fitting)
        queues: Counter[str] = Counter()
        failing: Counter[str] = Counter()
        passing: list[Summary] = []
        undecided = 0

        def judge(letter: Letter) -> None:
            nonlocal undecided
            queue = self._destination(letter)
            foreseen = self._foresee(letter, queue)
            if foreseen is not None and not foreseen.passes:
                failing[f"{foreseen.error_code}: {foreseen.reason}"] += 1
                return
            undecided += foreseen is None or foreseen.undecided
            queues[queue] += 1
            passing.append(fitting[letter.id].summary)

        await self._looker.letters(fitting, judge)
        passing.sort(key=_newest)
        canaries: dict[str, str] = {}
        for one in passing:
            canaries.setdefault(one.fingerprint, one.id)
        return Proposal(
            meant=meant,
            passing=frozenset(one.id for one in passing),
            undecided=undecided,
            failing=dict(failing.most_common()),
            queues=dict(queues),
            canaries=canaries,
        )

    async def preview_edit(self, letter_id: str, body: bytes) -> Foreseen | None:
        """Return what would become of a letter with another body; None where nobody can tell.

        Values that still stand as `••••` are the originals. Raises NoSuchLetter or Ambiguous.
        """
        view = await self._looker.view()
        letter, _ = await self._letter(view, letter_id)
        foresight = self._operator.foresight
        if foresight is None:
            return None
        restored = self._operator.masking.restore(body, letter.body)
        return foresight.letter(letter, self._destination(letter), body=restored)

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
        kinds = proposal.meant.kinds
        if not anyway:
            kinds = {one: kinds[one] for one in proposal.passing}
        left = {} if anyway else proposal.failing
        canaries = proposal.canaries
        if anyway:
            canaries = {group.fingerprint: group.example_id for group in proposal.meant.groups}
        task = Task(
            kinds=kinds,
            largest=proposal.meant.largest,
            kept={f"{FAIL_AGAIN} ({reason})": n for reason, n in left.items()},
            canaries=canaries if pace.canary else {},
            pace=pace,
            destination=self._destination,
            queues=tuple(proposal.queues),
            bodies={},
        )
        return self._running(Verb.REPLAY, task, why, proposal.meant.described)

    async def edit(self, letter_id: str, body: bytes, *, why: str = "") -> Running:
        """Return the replay of one open letter with another body, to be iterated over.

        Values that still stand as `••••` are the originals. Raises NoSuchLetter or Ambiguous.
        """
        view = await self._looker.view()
        letter, is_open = await self._letter(view, letter_id)
        if not is_open:
            raise NoSuchLetter(f"{letter.id} is no open letter any more; there is nothing to mend")
        task = Task(
            kinds={letter.id: letter.fingerprint},
            largest=letter.size,
            kept={},
            canaries={},
            pace=AT_ONCE,
            destination=self._destination,
            queues=(self._destination(letter),),
            bodies={letter.id: self._operator.masking.restore(body, letter.body)},
        )
        return self._running(Verb.EDIT, task, why, f"ids={letter.id}")

    def discard(self, meant: Meant, *, why: str) -> Running:
        """Return the discarding of letters, to be iterated over; `why` goes into the history."""
        task = Task(
            kinds=meant.kinds,
            largest=meant.largest,
            kept={},
            canaries={},
            pace=AT_ONCE,
            destination=self._destination,
            queues=(),
            bodies={},
        )
        return self._running(Verb.DISCARD, task, why, meant.described)

    # -- steps --

    def _running(self, verb: Verb, task: Task, why: str, selection: str) -> Running:
        action = Action(
            desk=self._desk,
            run=new_run(),
            verb=verb,
            who=self._operator.who,
            why=why,
            selection=selection,
        )
        return Running(action, task, Tools(self._reader, self._looker.ledger, self._now))

    async def _fitting(self, view: View, selection: Selection) -> Mapping[str, Entry]:
        meant = {
            one: entry for one, entry in view.entries.items() if selection.meant(entry.summary)
        }
        if selection.contains is None or not meant:
            return meant
        fitting: dict[str, Entry] = {}

        def take(letter: Letter) -> None:
            if selection.body_meant(letter.body):
                fitting[letter.id] = meant[letter.id]

        await self._looker.letters(meant, take)
        return fitting

    def _meant(
        self,
        view: View,
        selection: Selection,
        fitting: Mapping[str, Entry],
    ) -> Meant:
        _only(selection.ids, fitting)
        return Meant(
            kinds={one: entry.summary.fingerprint for one, entry in fitting.items()},
            largest=max((entry.summary.size for entry in fitting.values()), default=0),
            groups=grouped(one.summary for one in fitting.values()),
            unknown=tuple(one for one in selection.ids if not _starting(one, fitting)),
            described=selection.described or "everything",
            standing=view.standing,
        )

    async def _letter(self, view: View, letter_id: str) -> tuple[Letter, bool]:
        selection = Selection(ids=(letter_id,))
        fitting = {one: entry for one, entry in view.entries.items() if one.startswith(letter_id)}
        _only(selection.ids, fitting)
        found: dict[str, Letter] = {}
        if fitting:
            await self._looker.letters(fitting, lambda one: found.update({one.id: one}))
        elif not self._desk.foreign:
            await self._looker.everything(lambda one: self._closed(letter_id, one, found))
            _only(selection.ids, found)
        if not found:
            raise NoSuchLetter(
                f"no dead letter in {self._desk.queue} is called {letter_id!r}; "
                "`leveret dlq ls` lists those that are open",
            )
        return next(iter(found.values())), bool(fitting)

    def _closed(self, beginning: str, delivery: Delivery, found: dict[str, Letter]) -> None:
        ours = delivery.routing_key == self._desk.names.dead_key(self._desk.group)
        if ours and self._reader.id(delivery).startswith(beginning) and len(found) <= MOST_NAMED:
            letter = self._reader.letter(delivery)
            found[letter.id] = letter

    def _destination(self, letter: Summary) -> str:
        if self._operator.to or self._desk.foreign:
            return self._operator.to
        return destination(letter, self._desk.names, self._desk.group)

    def _foresee(self, letter: Letter, queue: str) -> Foreseen | None:
        foresight = self._operator.foresight
        return foresight.letter(letter, queue) if foresight and not self._desk.foreign else None


def _newest(letter: Summary) -> str:
    return letter.failed_at or letter.first_seen or ""


def _starting(beginning: str, ids: Iterable[str]) -> list[str]:
    return [one for one in ids if one.startswith(beginning)]


def _only(beginnings: tuple[str, ...], ids: Iterable[str]) -> None:
    """Raise Ambiguous where a beginning fits several ids."""
    for beginning in beginnings:
        fitting = sorted(_starting(beginning, ids))
        if len(fitting) > 1:
            some = ", ".join(fitting[:MOST_NAMED])
            more = " and more" if len(fitting) > MOST_NAMED else ""
            raise Ambiguous(f"{beginning!r} fits {some}{more}; give more of the id")
