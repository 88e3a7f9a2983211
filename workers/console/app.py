"""The console as one ASGI app: gate, doors, pages."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Router

from topology import Names
from workers.console.asking import Asking
from workers.console.contracts import Contracts
from workers.console.doors.doors import Doors
from workers.console.doors.entry import Refused
from workers.console.doors.gate import Gate, Hosts
from workers.console.feed import Feed
from workers.console.ground import Looking
from workers.console.letters.benches import Benches
from workers.console.letters.runs import Runs
from workers.console.letters.surveys import Surveys
from workers.console.pages.acting import Once
from workers.console.pages.contracts import ContractPages
from workers.console.pages.editing import EditPages
from workers.console.pages.entrance import Entrance
from workers.console.pages.exporting import ExportPages
from workers.console.pages.letters import LetterPages
from workers.console.pages.now import NowPages
from workers.console.pages.planning import PlanPages
from workers.console.pages.replicas import ReplicaPages
from workers.console.pages.running import RunPages
from workers.console.pages.topology import TopologyPages
from workers.console.view import View

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from workers.console.doors.users import User
    from workers.registry import Registry
    from workers.settings import Settings


#: What the navigation offers.
PAGES: Final = (
    ("/", "Now"),
    ("/letters", "Dead letters"),
    ("/history", "History"),
    ("/contracts", "Contracts"),
    ("/topology", "Topology"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a console is made from."""

    settings: Settings
    registry: Registry
    users: Mapping[str, User]
    #: Where it listens; with the configured ones the names it answers to.
    host: str
    #: Where the processors are, as `leveret console` was told; empty for what is installed.
    modules: tuple[str, ...] = ()


@asynccontextmanager
async def console(plan: Plan) -> AsyncIterator[ASGIApp]:
    """Lend the console; while it is open it watches the broker."""
    settings = plan.settings
    names = Names(settings.prefix)
    view = View(guarded=bool(plan.users), prefix=settings.prefix, pages=PAGES)
    contracts = Contracts(settings, plan.registry)
    feed = Feed(settings)
    benches, runs = Benches(settings, plan.registry), Runs()
    surveys, once = Surveys(), Once()
    pages = (
        Entrance(view),
        NowPages(view, feed, names),
        PlanPages(view, benches, runs, surveys, once),
        ExportPages(view, benches, surveys, plan.modules),
        EditPages(view, benches, runs, once),
        LetterPages(view, benches, runs, surveys),
        RunPages(view, runs, benches),
        ReplicaPages(view, feed, settings),
        ContractPages(view, contracts, Asking(settings), names),
        TopologyPages(view, Looking(settings), lambda: feed.depths),
    )
    router = Router([route for page in pages for route in page.routes()])
    doors = Doors(_Told(router, view), plan.users, view.refused)
    feed.begin()
    try:
        yield Gate(doors, Hosts.of(plan.host, settings.console_hosts))
    finally:
        await surveys.close()
        await runs.leave()
        await benches.close()
        await feed.stop()


_TOLD = {404: "There is no such page."}


class _Told:
    """Turns a page's refusal, and an address that leads nowhere, into a page."""

    def __init__(self, router: Router, view: View) -> None:
        self._router = router
        self._view = view

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # lets the router raise, rather than write its own plain text
        try:
            await self._router(scope, receive, send)
        except Refused as refused:
            response = self._view.refused(Request(scope), refused)
        except HTTPException as wrong:
            told = _TOLD.get(wrong.status_code, "That cannot be done here.")
            response = self._view.refused(Request(scope), Refused(wrong.status_code, told))
        else:
            return
        await response(scope, receive, send)
