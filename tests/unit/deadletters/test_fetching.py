"""Every letter is read whole from where it is, and one that cannot be read is no letter less."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from topology import Names
from workers import headers as h
from workers.deadletters import Desk, Reader
from workers.deadletters.fetching import Fetcher
from workers.deadletters.ledger import Entry
from workers.link.stream import Restarted
from workers.link.supervisor import LinkError
from workers.outcome import Delivery, Properties

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from workers.deadletters.line import Line

NAMES = Names()
READER = Reader(NAMES, "guest")
DESK = Desk(amqp_url="amqp://guest@host", names=NAMES, group="default")


def letter(letter_id: str, offset: int = -1) -> Delivery:
    """Return a letter as it stands in the journal, or in the queue."""
    told = {h.ID: letter_id, h.ERROR_CODE: "rejected"}
    placed = told if offset < 0 else {**told, h.OFFSET: offset}
    return Delivery(b"{}", Properties(headers=placed), NAMES.dead, NAMES.history_key("default"))


class Places:
    """A journal and a queue, and what is read of them."""

    def __init__(self, journal: list[Delivery], queue: list[Delivery]) -> None:
        self._journal = journal
        self._queue = queue
        self.restarted = False
        self.complete = True

    @asynccontextmanager
    async def journal(self) -> AsyncIterator[Places]:
        """Lend the journal, as a line does."""
        yield self

    async def messages(self, *, offset: int) -> AsyncIterator[list[Delivery]]:
        """Yield what it has from a place on."""
        if self.restarted:
            raise Restarted
        yield [one for one in self._journal if h.offset_of(one) >= offset]

    @asynccontextmanager
    async def scanning(self, _desk: Desk) -> AsyncIterator[Places]:
        """Lend the queue."""
        yield self

    async def read(self, take: Callable[[Delivery], None]) -> None:
        """Show what it holds."""
        for one in self._queue:
            take(one)

    async def read_of(self, *ids: str) -> list[str]:
        """Return the letters that come, of those that a ledger has at 0, 1, 2 and so on."""
        entries = [Entry(READER.summary(letter(one)), at) for at, one in enumerate(ids)]
        found: list[str] = []
        fetcher = Fetcher(DESK, READER, cast("Line", SimpleNamespace(journal=self.journal)))
        await fetcher.letters(entries, lambda one: found.append(one.id))
        return found


def places(monkeypatch: pytest.MonkeyPatch, journal: list[Any], queue: list[Any]) -> Places:
    """Return them, in the place of a broker's."""
    made = Places(journal, queue)
    monkeypatch.setattr("workers.deadletters.fetching.scanning", made.scanning)
    return made


async def test_what_the_journal_has_forgotten_is_read_from_the_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A journal keeps its letters for a while, and the queue until somebody acts."""
    found = places(monkeypatch, [letter("bbbbbb", 1)], [letter("aaaaaa"), letter("bbbbbb")])
    assert await found.read_of("aaaaaa", "bbbbbb") == ["bbbbbb", "aaaaaa"]


async def test_another_letter_in_the_place_of_one_is_not_taken_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A journal that was deleted and made anew counts from 0 again."""
    found = places(monkeypatch, [letter("cccccc", 0)], [letter("aaaaaa"), letter("cccccc")])
    assert await found.read_of("aaaaaa") == ["aaaaaa"]
    found.restarted = True
    assert await found.read_of("aaaaaa") == ["aaaaaa"]


async def test_a_letter_that_another_program_holds_is_not_left_out_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only where all of the queue was seen a letter that is nowhere has left."""
    found = places(monkeypatch, [], [letter("bbbbbb")])
    assert await found.read_of("aaaaaa", "bbbbbb") == ["bbbbbb"]
    found.complete = False
    with pytest.raises(LinkError, match=r"1 letter that the journal has no more cannot be read"):
        await found.read_of("aaaaaa")
