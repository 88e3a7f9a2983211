"""What an operator does with the dead letters of a group: list, show, propose a replay, replay.

Every verb is one scan of the queue of open letters. It ends with all of them where they were, but
for those whose replay the broker confirmed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from workers.deadletters.newest import Newest
from workers.deadletters.reading import Reader
from workers.deadletters.replay import Replay
from workers.deadletters.replaying import Action, destination
from workers.link.scan import scanning
from workers.link.sender import sending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from workers.deadletters.letter import Letter, Summary
    from workers.deadletters.replay import Replayed
    from workers.deadletters.selection import Selection
    from workers.link.desk import Desk
    from workers.outcome import Delivery

#: Letters whose bodies are in memory during a replay: 200 MiB at the default size limit.
BODIES_AT_ONCE: Final = 200
#: Letters named where the beginning of an id fits several, and whole letters kept to find out.
MOST_NAMED: Final = 5


class NoSuchLetter(Exception):
    """No open letter has the id that was asked for."""


class Ambiguous(Exception):
    """The beginning of an id fits several letters; the message names some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The newest letters that fit, newest first."""

    letters: tuple[Summary, ...]
    #: How many fit in all.
    matching: int
    #: How many letters there are.
    open: int
    #: Whether all of them were seen; another program may hold some.
    complete: bool
    #: What a person should do about the queue; empty if nothing.
    warning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a replay would do."""

    ids: frozenset[str]
    #: How many letters would go to each queue.
    queues: Mapping[str, int]
    #: What was asked for and no letter is called.
    unknown: tuple[str, ...]
    listing: Listing


class Workbench:
    """The verbs, for one group; each raises LinkError where the letters cannot be had."""

    def __init__(
        self,
        desk: Desk,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._desk = desk
        self._reader = Reader(desk.names, desk.user)
        self._now = now

    async def ls(self, selection: Selection, *, limit: int) -> Listing:
        """Return the newest `limit` letters that fit (0: all); no other is kept in memory."""
        newest = Newest(limit)
        return await self._list(selection, newest, newest.add)

    async def show(self, selection: Selection) -> Letter:
        """Return the one letter that fits; raises NoSuchLetter or Ambiguous."""
        found: dict[str, Letter] = {}

        def take(delivery: Delivery) -> None:
            if len(found) <= MOST_NAMED and selection.meant(self._reader.summary(delivery)):
                letter = self._reader.letter(delivery)
                found.setdefault(letter.id, letter)

        async with scanning(self._desk) as scan:
            await scan.read(take)
        _only(selection.ids, found)
        if not found:
            raise NoSuchLetter(_nobody(selection.ids, self._desk))
        return next(iter(found.values()))

    async def propose(self, selection: Selection, *, limit: int) -> Proposal:
        """Return what a replay of the letters that fit would do; changes nothing.

        Raises Ambiguous where the beginning of an id fits several.
        """
        newest = Newest(limit)
        ids: set[str] = set()
        queues: Counter[str] = Counter()

        def meant(summary: Summary) -> None:
            newest.add(summary)
            ids.add(summary.id)
            queues[destination(summary, self._desk.names, self._desk.group)] += 1

        listing = await self._list(selection, newest, meant)
        _only(selection.ids, ids)
        unknown = tuple(one for one in selection.ids if not _fitting(one, ids))
        return Proposal(ids=frozenset(ids), queues=queues, unknown=unknown, listing=listing)

    async def replay(self, ids: frozenset[str]) -> Replayed:
        """Replay the letters with these ids; what is not confirmed stays a dead letter."""
        desk = self._desk
        action = Action(desk.names, desk.group, desk.user)
        async with scanning(desk) as scan, sending(desk) as sender:
            replay = Replay(
                self._reader,
                action,
                ids,
                removing=scan,
                sending=sender,
                now=self._now,
            )

            async def go_on() -> bool:
                await sender.idle()
                return not replay.over

            await scan.read(replay.take, at_once=BODIES_AT_ONCE, go_on=go_on)
            await sender.idle()
            return replay.result()

    async def _list(
        self,
        selection: Selection,
        newest: Newest,
        meant: Callable[[Summary], None],
    ) -> Listing:
        def take(delivery: Delivery) -> None:
            summary = self._reader.summary(delivery)
            if selection.meant(summary):
                meant(summary)

        async with scanning(self._desk) as scan:
            await scan.read(take)
        return Listing(
            letters=newest.first(),
            matching=newest.count,
            open=scan.ready,
            complete=scan.complete,
            warning=scan.warning,
        )


def _fitting(beginning: str, ids: Iterable[str]) -> list[str]:
    return [one for one in ids if one.startswith(beginning)]


def _only(beginnings: tuple[str, ...], ids: Iterable[str]) -> None:
    """Raise Ambiguous where a beginning fits several ids."""
    for beginning in beginnings:
        fitting = sorted(_fitting(beginning, ids))
        if len(fitting) > 1:
            some = ", ".join(fitting[:MOST_NAMED])
            more = " and more" if len(fitting) > MOST_NAMED else ""
            raise Ambiguous(f"{beginning!r} fits {some}{more}; give more of the id")


def _nobody(beginnings: tuple[str, ...], desk: Desk) -> str:
    named = ", ".join(map(repr, beginnings))
    return (
        f"no dead letter of the group {desk.group} is called {named}; `leveret dlq ls` lists them "
        "(it may have been replayed meanwhile)"
    )
