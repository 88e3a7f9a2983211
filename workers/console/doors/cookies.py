"""The cookie of a session, and where a visitor goes after the login."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import HTMLResponse, RedirectResponse

from workers.console.doors.entry import Refused
from workers.console.doors.sessions import LONGEST

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def cookie_name(request: Request) -> str:
    """Return the cookie's name; under TLS one that no other host can set."""
    return "__Host-leveret" if request.url.scheme == "https" else "leveret_console"


def with_cookie(request: Request, response: Response) -> Response:
    """Return the response with the cookie that a new stranger's form needs, if it does."""
    fresh = request.scope.get("fresh_cookie")
    if fresh:
        set_cookie(request, response, fresh[1])
    return response


def safe_next(path: str) -> str:
    """Return where to go after a login: a page of ours, whatever the address asked for."""
    local = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if local and path.isprintable() and "\\" not in path else "/"


def set_cookie(request: Request, response: Response, token: str) -> None:
    """Give the browser its token."""
    response.set_cookie(
        cookie_name(request),
        token,
        max_age=int(LONGEST),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def to_login(request: Request) -> Response:
    """Return the way to the login page, as far as whoever asks can take it."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.headers.get("hx-request") or request.method == "POST":
        raise Refused(401, "You are logged out.", headers={"hx-redirect": "/login"})
    if "text/event-stream" in request.headers.get("accept", ""):
        raise Refused(401, "You are logged out.")
    if request.headers.get("sec-fetch-site") == "cross-site":
        # The link stands on another site, so the browser kept our cookie back; from here it sends
        # it. Quoted, an address holds nothing that ends the attribute.
        again = quote(safe_next(here), safe="/?=&%")
        again = again.replace("&", "&amp;")
        return HTMLResponse(
            '<!doctype html><html lang="en"><title>leveret</title>'
            f'<meta http-equiv="refresh" content="0;url={again}">'
            f'<p><a href="{again}">Go on</a>'
        )
    return RedirectResponse(f"/login?next={quote(here, safe='')}", 303)
