"""Replays for tests: processors that work, refuse or fail for a while; a replay of what fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from messages import ProtocolModel
from workers import Context, Registry, Reject
from workers.deadletters import Pace

if TYPE_CHECKING:
    from workers.deadletters import Progress, Selection, Workbench

#: As fast as it goes, and waiting for nothing.
QUICK: Final = Pace(rate=0, canary=False, wait=0)


class Words(ProtocolModel):
    """Parameters."""

    text: str
    width: int = 0


def processors() -> Registry:
    """Return processors: one that works, one that says no, one that fails for a while."""
    registry = Registry()

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Words:
        return words

    @registry.task("reject", parameters=Words)
    async def reject(_words: Words, _context: Context) -> Words:
        raise Reject("not today")

    @registry.task("fail", parameters=Words)
    async def fail(_words: Words, _context: Context) -> Words:
        raise ConnectionError("the shop is closed")

    return registry


async def replayed(workbench: Workbench, selection: Selection, pace: Pace = QUICK) -> Progress:
    """Replay what fits."""
    return await workbench.replay(await workbench.preview(selection), pace, why="fixed").result()
