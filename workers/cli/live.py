"""The live view of `leveret dev`: who is there, what came to which end, and where to look next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, Group
from rich.live import Live as Screen
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from workers.metrics.figures import together

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from workers.cli.books import Books
    from workers.presence.roster import Roster
    from workers.replicas.replicas import Replicas
    from workers.settings import Settings

#: Seconds between two pictures.
EVERY: Final = 1.0
#: Ends in the order in which they are shown, and how.
_COLOURS: Final = {
    "replied": "green",
    "dead_lettered": "red",
    "retried": "yellow",
    "expired": "magenta",
    "requeued": "cyan",
}


class Live:
    """Draws the same picture again and again; on a plain stream, a line now and then."""

    def __init__(
        self,
        settings: Settings,
        books: Books,
        roster: Roster,
        replicas: Replicas,
    ) -> None:
        self._settings = settings
        self._books = books
        self._roster = roster
        self._replicas = replicas
        self._counted: dict[str, Mapping[str, float]] = {}

    async def show(self, stop: asyncio.Event, trickle: Callable[[], Awaitable[None]]) -> None:
        """Show until told to stop, while `trickle` keeps messages coming."""
        console = Console()
        messages = asyncio.ensure_future(trickle())
        try:
            with Screen(console=console, auto_refresh=False, transient=False) as screen:
                while not stop.is_set():
                    screen.update(self._picture(), refresh=console.is_terminal)
                    await _pause(stop)
        finally:
            messages.cancel()
            await asyncio.wait([messages])

    def _picture(self) -> Group:
        return Group(self._workers(), self._ends(), self._next())

    def _workers(self) -> Panel:
        table = Table(box=None, pad_edge=False, expand=True)
        for column in ("worker", "group", "load", "version", "takes"):
            table.add_column(column, no_wrap=column != "takes")
        for replica in self._roster.present():
            agent = replica.agent
            extra: dict[str, Any] = agent.model_extra or {}
            takes = [*extra.get("tasks", ()), *extra.get("accepts", ())]
            table.add_row(
                agent.agent_id,
                str(extra.get("group", "?")),
                f"{agent.load_factor:.0%}",
                str(extra.get("version", "?")),
                ", ".join(map(str, takes)),
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

    def _next(self) -> Panel:
        url = self._settings.amqp_url
        text = Text.from_markup(
            f"export LEVERET_AMQP_URL={url.get_secret_value() if url else ''} "
            f"LEVERET_PREFIX={self._settings.prefix}\n"
            "leveret publish --task echo --param text=hello --wait\n"
            "leveret dlq ls\n"
            + "\n".join(f"curl {address}/metrics" for address in self._replicas.addresses)
            + "\n[dim]Ctrl-C ends it all[/]",
        )
        return Panel(text, title="in another terminal", title_align="left")


async def _pause(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(EVERY):
            await stop.wait()
    except TimeoutError:
        return
