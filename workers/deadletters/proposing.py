"""What an action would touch, and what a replay would do now: told before anything is done."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from workers.deadletters.canaries import canaries
from workers.deadletters.finding import Finder, Survey, only
from workers.deadletters.shelf import starting
from workers.deadletters.views import Meant, Proposal

if TYPE_CHECKING:
    from workers.deadletters.letter import Letter
    from workers.deadletters.looking import Looker, View
    from workers.deadletters.person import Operator
    from workers.deadletters.selection import Selection
    from workers.deadletters.shelf import Row
    from workers.link.desk import Desk


class Proposer:
    """Judges letters for one operator; changes nothing."""

    def __init__(self, desk: Desk, operator: Operator, looker: Looker, finder: Finder) -> None:
        self._desk = desk
        self._operator = operator
        self._looker = looker
        self._finder = finder

    async def meant(self, view: View, selection: Selection, survey: Survey | None = None) -> Meant:
        """Return which letters an action on a selection would touch; raises Ambiguous."""
        return await self._meant(
            view, selection, await self._finder.fitting(view, selection, survey)
        )

    async def proposal(
        self, view: View, selection: Selection, survey: Survey | None = None
    ) -> Proposal:
        """Return what a replay of the letters that fit would do now; raises Ambiguous."""
        row = await self._finder.fitting(view, selection, survey)
        meant = await self._meant(view, selection, row)
        judged = _Judged(self._desk, self._operator, survey or Survey())
        judged.survey.total, judged.survey.done = len(row), 0
        await self._looker.fetcher.letters(row.entries, judged.take)
        oldest_first = [entry.summary for entry in reversed(row.entries)]
        return Proposal(
            meant=meant,
            passing=frozenset(judged.passing),
            undecided=len(judged.undecided),
            unjudged=judged.unjudged,
            failing=dict(judged.failing.most_common()),
            queues=dict(judged.queues),
            canaries=canaries(oldest_first, judged.passing - judged.undecided, judged.undecided),
        )

    async def _meant(self, view: View, selection: Selection, row: Row) -> Meant:
        if selection.ids:
            only(selection.ids, row.ids)
        return Meant(
            kinds={entry.summary.id: entry.summary.fingerprint for entry in row.entries},
            largest=max((entry.summary.size for entry in row.entries), default=0),
            groups=await view.shelf.grouped(row),
            unknown=tuple(one for one in selection.ids if not starting(one, row.ids)),
            described=selection.described or "everything",
            standing=view.standing,
        )


class _Judged:
    """What was found out about letters so far."""

    def __init__(self, desk: Desk, operator: Operator, survey: Survey) -> None:
        self._desk = desk
        self._operator = operator
        self.survey = survey
        self.passing: set[str] = set()
        #: Of those, letters of which only a run can tell.
        self.undecided: set[str] = set()
        self.failing: Counter[str] = Counter()
        self.queues: Counter[str] = Counter()
        self.unjudged = 0

    def take(self, letter: Letter) -> None:
        """Judge a letter."""
        self.survey.done += 1
        # Nobody here knows what takes from another program's queue.
        foreseen = None if self._desk.foreign else self._operator.foresee(letter, self._desk)
        if foreseen is not None and not foreseen.passes:
            self.failing[f"{foreseen.error_code}: {foreseen.reason}"] += 1
            return
        if foreseen is None or foreseen.undecided:
            self.undecided.add(letter.id)
        self.unjudged += foreseen is None
        self.queues[self._operator.destination(letter, self._desk)] += 1
        self.passing.add(letter.id)
