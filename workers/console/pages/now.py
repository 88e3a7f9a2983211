"""Now: how it stands, live."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.routing import Route

from workers.console.live import Stream
from workers.console.now import now_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from topology import Names
    from workers.console.feed import Feed
    from workers.console.view import View


class NowPages:
    """The page, and the stream that keeps it fresh."""

    def __init__(self, view: View, feed: Feed, names: Names) -> None:
        self._view = view
        self._feed = feed
        self._names = names
        #: What was drawn last, and from which look: all pages show the same.
        self._drawn: tuple[object, str] = (None, "")

    def routes(self) -> list[Route]:
        """Return its addresses."""
        return [Route("/", self._show), Route("/now/events", self._events)]

    async def _show(self, request: Request) -> Response:
        now = now_of(self._feed, self._names, clock=time.monotonic())
        return self._view.page(request, "now.html", now=now)

    async def _events(self, _request: Request) -> Response:
        return Stream(self._feed.listeners, "now", self._part)

    def _part(self) -> str:
        look = self._feed.past[-1] if self._feed.past else None
        if self._drawn[0] is not look or look is None:
            now = now_of(self._feed, self._names, clock=time.monotonic())
            self._drawn = (look, self._view.part("now_part.html", now=now))
        return self._drawn[1]
