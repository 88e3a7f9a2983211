"""The login page, and the files that every page needs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

from workers.console.doors.cookies import safe_next
from workers.console.doors.entry import Refused, entry_of
from workers.console.view import HERE

if TYPE_CHECKING:
    from starlette.requests import Request

    from workers.console.view import View

#: The only files there are: no path is ever made of what was asked for.
FILES: Final = {
    "console.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "htmx-sse.min.js": "text/javascript; charset=utf-8",
    "watch.js": "text/javascript; charset=utf-8",
    "NOTICE": "text/plain; charset=utf-8",
}


class Entrance:
    """What strangers see."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._files = {name: (HERE / "static" / name).read_bytes() for name in FILES}
        self._tags = {
            name: f'"{hashlib.sha256(body).hexdigest()[:16]}"' for name, body in self._files.items()
        }

    def routes(self) -> list[Route]:
        """Return its addresses."""
        return [
            Route("/login", self._login, methods=["GET", "POST"]),
            Route("/static/{name}", self._file),
        ]

    async def _login(self, request: Request) -> Response:
        refused: Refused | None = request.scope.get("login_refused")
        asked = entry_of(request).form.get("next") or request.query_params.get("next", "/")
        page = self._view.page(
            request,
            "login.html",
            status=refused.status if refused else 200,
            trouble=refused.line if refused else "",
            name=entry_of(request).form.get("name", ""),
            next=safe_next(asked),
        )
        page.headers.update(refused.headers if refused else {})
        return page

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in FILES:
            raise Refused(404, "There is no such file.")
        headers = {"etag": self._tags[name], "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == self._tags[name]:
            return Response(status_code=304, headers=headers)
        return Response(self._files[name], media_type=FILES[name], headers=headers)
