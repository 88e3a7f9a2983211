"""The open letters at one moment, newest first; what was found among them once is remembered.

A hundred thousand take a tenth of a second to sort, to filter or to group, so a shelf is kept until
a letter comes or goes, and works in a thread of its own where it is large.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from workers.deadletters.groups import grouped
from workers.deadletters.views import Listing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from typing import TypeVar

    from workers.deadletters.groups import Group
    from workers.deadletters.ledger import Entry
    from workers.deadletters.selection import Selection
    from workers.deadletters.views import Standing

    T = TypeVar("T")

#: Letters that take a millisecond, for which no thread is worth it.
FEW: Final = 2_000
#: Filters remembered with what they found.
MOST_REMEMBERED: Final = 8


class Row:
    """Letters in a row, newest first."""

    def __init__(
        self, entries: Sequence[Entry], reasons: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.entries = entries
        #: Fingerprint → why, in one line.
        self.reasons = reasons

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.entries)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The letters by what failed, the largest group first."""
        return grouped((entry.summary for entry in self.entries), self.reasons)

    @cached_property
    def ids(self) -> Mapping[str, Entry]:
        """The letters by their ids."""
        return {entry.summary.id: entry for entry in self.entries}

    def only(self, ids: Collection[str]) -> Row:
        """Return those letters of the row that have these ids."""
        return Row([entry for entry in self.entries if entry.summary.id in ids], self.reasons)

    def listing(self, begin: int, limit: int, standing: Standing) -> Listing:
        """Return a piece of the row; `limit` 0 is all of it."""
        end = begin + limit if limit else len(self)
        return Listing(
            letters=tuple(entry.summary for entry in self.entries[begin:end]),
            matching=len(self),
            before=min(begin, len(self)),
            standing=standing,
        )

    def place(self, letter_id: str) -> int:
        """Return the place of a letter, or the end of the row where it is not in it."""
        for place, entry in enumerate(self.entries):
            if entry.summary.id == letter_id:
                return place
        return len(self.entries)


class Shelf:
    """All open letters; never changes."""

    def __init__(
        self, entries: Mapping[str, Entry], reasons: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.entries = entries
        self._reasons = reasons
        self._found: OrderedDict[Selection, Row] = OrderedDict()

    @cached_property
    def all(self) -> Row:
        """Every letter."""
        return Row(sorted(self.entries.values(), key=_when, reverse=True), self._reasons)

    async def grouped(self, row: Row) -> tuple[Group, ...]:
        """Return the groups of a row."""
        return await self._worked_out(lambda: row.groups)

    async def fitting(self, selection: Selection) -> Row:
        """Return the letters that fit, as far as can be told without their bodies."""
        if selection.everything:
            return await self._worked_out(lambda: self.all)
        known = self.known(selection)
        if known is None:
            known = await self._worked_out(lambda: self._fit(selection))
            self.remember(selection, known)
        return known

    def known(self, selection: Selection) -> Row | None:
        """Return what was found for a selection before, or None."""
        return self._found.get(selection)

    def remember(self, selection: Selection, row: Row) -> None:
        """Keep what was found for a selection."""
        self._found[selection] = row
        while len(self._found) > MOST_REMEMBERED:
            self._found.popitem(last=False)

    def beginning(self, letter_id: str) -> dict[str, Entry]:
        """Return the letters whose ids begin so."""
        exact = self.entries.get(letter_id)
        if exact is not None:
            return {letter_id: exact}
        return {one: entry for one, entry in self.entries.items() if one.startswith(letter_id)}

    def _fit(self, selection: Selection) -> Row:
        meant = [entry for entry in self.all.entries if selection.meant(entry.summary)]
        return Row(meant, self._reasons)

    async def _worked_out(self, work: Callable[[], T]) -> T:
        return work() if len(self.entries) <= FEW else await asyncio.to_thread(work)


def starting(beginning: str, ids: Iterable[str]) -> list[str]:
    """Return the ids that begin so."""
    return [one for one in ids if one.startswith(beginning)]


def _when(entry: Entry) -> str:
    summary = entry.summary
    return summary.failed_at or summary.first_seen or ""
