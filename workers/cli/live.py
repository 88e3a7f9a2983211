"""The live view of `leveret dev`: who is there, and what came to which end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.live import Live as Screen
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from workers.cli.say import say
from workers.cli.top_page import takes
from workers.metrics.figures import together

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from workers.cli.books import Books
    from workers.presence.roster import Roster

#: Seconds between two pictures.
EVERY: Final = 1.0
#: Characters of a worker's name that are shown: figures beside it are not to be cut.
LONGEST_NAME: Final = 40
#: Ends in the order in which they are shown, and how.
_COLOURS: Final = {
    "replied": "green",
    "dead_lettered": "red",
    "retried": "yellow",
    "expired": "magenta",
    "requeued": "cyan",
}


class Live:
    """Draws the same picture again and again; where no terminal takes it, the last one alone.

    `trouble` says what is in the way, if anything is. With `json` standard output stays empty.
    """

    def __init__(
        self, books: Books, roster: Roster, *, trouble: Callable[[], str], json: bool
    ) -> None:
        self._books = books
        self._roster = roster
        self._trouble = trouble
        self._json = json
        self._counted: dict[str, Mapping[str, float]] = {}

    async def show(self, stop: asyncio.Event, trickle: Callable[[], Awaitable[None]]) -> None:
        """Show until told to stop, while `trickle` keeps messages coming."""
        console = Console(stderr=self._json)
        told = ""
        messages = asyncio.ensure_future(trickle())
        try:
            with Screen(console=console, auto_refresh=False, transient=False) as screen:
                while not stop.is_set():
                    screen.update(self._picture(), refresh=console.is_terminal)
                    if (trouble := self._trouble()) and not (told or console.is_terminal):
                        say(trouble)
                    told = trouble
                    await _pause(stop)
        finally:
            if not console.is_terminal:
                console.print()  # the library ends the last line for terminals alone
            messages.cancel()
            await asyncio.wait([messages])

    def _picture(self) -> Group:
        trouble = self._trouble()
        last = Text(trouble, "red") if trouble else Text("Ctrl-C ends it all", "dim")
        return Group(self._workers(), self._ends(), last)

    def _workers(self) -> Panel:
        table = Table(box=None, pad_edge=False, expand=True)
        for column in ("worker", "group", "load", "version", "takes"):
            table.add_column(column, no_wrap=True)
        table.columns[0].max_width = LONGEST_NAME
        table.columns[-1].ratio = 1  # the types get what the others leave
        for replica in self._roster.present():
            table.add_row(
                replica.agent.agent_id,
                replica.told("group", "?"),
                f"{replica.agent.load_factor:.0%}",
                replica.told("version", "?"),
                takes(replica),
            )
        return Panel(table, title="workers, by their heartbeats", title_align="left")

    def _ends(self) -> Panel:
        """Return what all workers did, our own and whoever joined; one that left is counted on."""
        present = self._roster.present()
        self._counted |= {one.agent.agent_id: one.figures for one in present}
        now = together(list(self._counted.values()))
        rates = together([one.rates for one in present])
        table = Table(box=None, pad_edge=False)
        for column in ("outcome", "so far", "a second"):
            table.add_column(column, justify="left" if column == "outcome" else "right")
        for name, colour in _COLOURS.items():
            count, rate = now.get(name, 0.0), rates.get(name, 0.0)
            table.add_row(Text(name.replace("_", " "), colour), f"{count:.0f}", f"{rate:.1f}")
        table.add_row("published", str(self._books.published), "")
        table.add_row("on the way", str(self._books.open), "")
        return Panel(table, title="every message comes to one end", title_align="left")


async def _pause(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(EVERY):
            await stop.wait()
    except TimeoutError:
        return
