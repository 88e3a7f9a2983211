"""Reads letters whole: from the journal where it has them, from the queue where it has not.

Every letter that is still there is shown, or a LinkError says why it cannot be. However many there
are, whoever shares this process has a turn every few milliseconds.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from workers.counting import plural
from workers.deadletters.ledger import NOWHERE
from workers.headers import offset_of
from workers.link.scan import scanning
from workers.link.stream import Restarted
from workers.link.supervisor import LinkError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from workers.deadletters.ledger import Entry
    from workers.deadletters.letter import Letter
    from workers.deadletters.line import Line
    from workers.deadletters.reading import Reader
    from workers.link.desk import Desk
    from workers.outcome import Delivery


class Fetcher:
    """Shows what a line to the journal brings."""

    def __init__(self, desk: Desk, reader: Reader, line: Line) -> None:
        self._desk = desk
        self._reader = reader
        self._line = line

    async def letters(self, entries: Iterable[Entry], take: Callable[[Letter], None]) -> None:
        """Show the whole letters of these entries to `take`, oldest first as far as possible."""
        await self.deliveries(entries, lambda _, delivery: take(self._reader.letter(delivery)))

    async def deliveries(
        self, entries: Iterable[Entry], take: Callable[[Entry, Delivery], None]
    ) -> None:
        """Show the entries with their messages as they stand there, not yet read as letters."""
        async with aclosing(self.handfuls(entries)) as handfuls:
            async for handful in handfuls:
                for entry, delivery in handful:
                    take(entry, delivery)

    async def handfuls(
        self, entries: Iterable[Entry]
    ) -> AsyncGenerator[list[tuple[Entry, Delivery]]]:
        """Yield the entries with their messages, as fast as they are taken."""
        placed: dict[int, Entry] = {}
        lost: dict[str, Entry] = {}
        for entry in entries:
            if entry.offset == NOWHERE or self._desk.foreign:
                lost[entry.summary.id] = entry
            else:
                placed[entry.offset] = entry
        if placed:
            async with aclosing(self._from_journal(placed)) as handfuls:
                async for handful in handfuls:
                    yield handful
        # The journal forgets its oldest letters, and their places stay known for a while.
        lost.update({entry.summary.id: entry for entry in placed.values()})
        if lost:
            yield await self._from_queue(lost)

    async def everything(self, take: Callable[[Delivery], None]) -> None:
        """Show every message of the journal to `take`, from the first to the last."""
        async with self._line.journal() as journal, aclosing(journal.messages()) as messages:
            async for handful in messages:
                for delivery in handful:
                    take(delivery)

    async def _from_journal(
        self, placed: dict[int, Entry]
    ) -> AsyncGenerator[list[tuple[Entry, Delivery]]]:
        """Yield what stands in its place, and leave in `placed` what does not."""
        try:
            async with (
                self._line.journal() as journal,
                aclosing(journal.messages(offset=min(placed))) as messages,
            ):
                async for handful in messages:
                    found = [
                        (placed.pop(offset_of(delivery)), delivery)
                        for delivery in handful
                        if self._stands(placed.get(offset_of(delivery)), delivery)
                    ]
                    if found:
                        yield found
                    if not placed:
                        return
        except Restarted:
            return  # the queue has them, whatever became of the journal

    def _stands(self, entry: Entry | None, delivery: Delivery) -> bool:
        """Whether the message is the letter of the entry: a new journal has others in its place."""
        return entry is not None and self._reader.id(delivery) == entry.summary.id

    async def _from_queue(self, lost: dict[str, Entry]) -> list[tuple[Entry, Delivery]]:
        found: list[tuple[Entry, Delivery]] = []

        def shown(delivery: Delivery) -> None:
            entry = lost.pop(self._reader.id(delivery), None)
            if entry is not None:
                found.append((entry, delivery))

        async with scanning(self._desk) as scan:
            await scan.read(shown)
            if lost and not scan.complete:
                raise LinkError(
                    f"{plural(len(lost), 'letter')} that the journal has no more cannot be read: "
                    f"another program holds letters of {self._desk.queue}; try again when it has "
                    "given them back"
                )
        return found
