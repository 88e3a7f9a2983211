"""The letters that somebody means: by what they have in common, or one by its id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from workers.deadletters.selection import Selection
from workers.deadletters.shelf import starting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workers.deadletters.ledger import Entry
    from workers.deadletters.letter import Letter
    from workers.deadletters.looking import Looker, View
    from workers.deadletters.masking import Masking
    from workers.deadletters.reading import Reader
    from workers.deadletters.shelf import Row
    from workers.link.desk import Desk
    from workers.outcome import Delivery

#: Letters named where the beginning of an id fits several.
MOST_NAMED: Final = 5


class NoSuchLetter(Exception):
    """No letter has the id that was asked for."""


class Ambiguous(Exception):
    """The beginning of an id fits several letters; the message names some."""


@dataclass(slots=True)
class Survey:
    """How far a look through many bodies is; whoever waits for it may read this meanwhile."""

    total: int = 0
    done: int = 0


class Finder:
    """Finds letters among the open ones, and one that is not open any more in the journal."""

    def __init__(self, desk: Desk, reader: Reader, looker: Looker, masking: Masking) -> None:
        self._desk = desk
        self._reader = reader
        self._looker = looker
        self._masking = masking

    async def fitting(self, view: View, selection: Selection, survey: Survey | None = None) -> Row:
        """Return the letters that fit; bodies are read only where one is asked for a text."""
        row = await view.shelf.fitting(selection.without_text())
        if selection.contains is None or not row:
            return row
        known = view.shelf.known(selection)
        if known is not None:
            return known
        told = survey or Survey()
        told.total, told.done = len(row), 0
        meant: set[str] = set()

        def take(entry: Entry, delivery: Delivery) -> None:
            told.done += 1
            if selection.body_meant(delivery.body, self._masking):
                meant.add(entry.summary.id)

        await self._looker.fetcher.deliveries(row.entries, take)
        found = row.only(meant)
        view.shelf.remember(selection, found)
        return found

    async def letter(self, view: View, letter_id: str) -> tuple[Letter, bool]:
        """Return a letter, and whether it is open; raises NoSuchLetter, Ambiguous or TooShort."""
        selection = Selection(ids=(letter_id,))
        fitting = view.shelf.beginning(letter_id)
        only(selection.ids, fitting)
        found: dict[str, Letter] = {}
        if fitting:
            await self._looker.fetcher.letters(
                fitting.values(), lambda one: found.update({one.id: one})
            )
        elif not self._desk.foreign:
            await self._looker.fetcher.everything(lambda one: self._closed(letter_id, one, found))
            only(selection.ids, found)
        if not found:
            raise NoSuchLetter(
                f"no dead letter in {self._desk.queue} is called {letter_id!r}; "
                "`leveret dlq ls` lists those that are open",
            )
        return next(iter(found.values())), bool(fitting)

    def _closed(self, beginning: str, delivery: Delivery, found: dict[str, Letter]) -> None:
        ours = delivery.routing_key in self._desk.names.letter_keys(self._desk.group)
        if ours and self._reader.id(delivery).startswith(beginning) and len(found) <= MOST_NAMED:
            letter = self._reader.letter(delivery)
            found[letter.id] = letter


def only(beginnings: tuple[str, ...], ids: Iterable[str]) -> None:
    """Raise Ambiguous where a beginning fits several ids."""
    for beginning in beginnings:
        fitting = sorted(starting(beginning, ids))
        if len(fitting) > 1:
            some = ", ".join(fitting[:MOST_NAMED])
            more = " and more" if len(fitting) > MOST_NAMED else ""
            raise Ambiguous(f"{beginning!r} fits {some}{more}; give more of the id")
