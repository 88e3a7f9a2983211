"""Who asks, and whether they may: a cookie, basic auth, or this very machine.

Every POST is read and believed here, before a page sees it, so that no page can forget to.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from base64 import b64decode
from collections import OrderedDict
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from workers.console.doors.cookies import cookie_name, safe_next, set_cookie, to_login
from workers.console.doors.entry import Entry, Refused, entry_of
from workers.console.doors.forms import first, posted
from workers.console.doors.gate import is_loopback
from workers.console.doors.passwords import fits
from workers.console.doors.sessions import STRANGER, Sessions, Visitor
from workers.console.doors.throttle import Throttle
from workers.console.doors.users import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from workers.console.doors.users import User

log = logging.getLogger("leveret.console")

#: The field in which a form says for whom it was made.
TOKEN: Final = "token"  # noqa: S105 - its name
#: Seconds a password given with basic auth is remembered as right.
REMEMBERED: Final = 60.0
MOST_REMEMBERED: Final = 1_000
#: Failures by name that are forgiven: many, or a stranger could lock people out.
FORGIVEN_BY_NAME: Final = 50
#: Who is here where only this machine may be.
LOCAL: Final = Visitor("local", Role.OPERATOR)
_OPEN: Final = ("/login", "/static/")
_WRONG: Final = "That name and password do not fit."


class Doors:
    """Lets in who may come; without users, who sits at this machine."""

    def __init__(
        self,
        app: ASGIApp,
        users: Mapping[str, User],
        refused: Callable[[Request, Refused], Response],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._app = app
        self._users = users
        self._refused = refused
        self._clock = clock
        self._sessions = Sessions(clock=clock)
        self._by_address = Throttle(clock=clock)
        self._by_name = Throttle(clock=clock, forgiven=FORGIVEN_BY_NAME)
        #: One scrypt at a time: it takes a processor and 16 MiB.
        self._checking = asyncio.Lock()
        self._right: OrderedDict[str, tuple[float, Visitor]] = OrderedDict()
        self._salt = secrets.token_bytes(32)
        #: Takes as long as a real one, so that nobody learns which names there are.
        self._nobody = next((user.made for user in users.values()), "")

    @property
    def guarded(self) -> bool:
        """Whether people log in here."""
        return bool(self._users)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await self._enter(request)
        except Refused as refused:
            response = self._refused(request, refused)
        except ClientDisconnect:
            # Nobody is there to be answered, and nothing was begun.
            log.debug("whoever sent a form to %s left before it was here", request.url.path)
            return
        if response is None:
            await self._app(scope, receive, send)
        else:
            await response(scope, receive, send)

    async def _enter(self, request: Request) -> Response | None:
        """Put the entry on the request and return None, or the answer in place of a page."""
        visitor, token, fresh = await self._who(request)
        form: dict[str, tuple[str, ...]] = {}
        # A stranger sees the login page first, whatever they posted.
        strange = not visitor.known and not request.url.path.startswith(_OPEN)
        if request.method == "POST" and not strange:
            form = await posted(request)
            if not self._sessions.believed(token, first(form).get(TOKEN, "")):
                raise Refused(
                    403,
                    "This form is too old or was not made here. Nothing was done; load the page "
                    "again and repeat it.",
                )
        request.scope["entry"] = Entry(visitor, self._sessions.form_token(token), first(form), form)
        if request.url.path == "/logout" and request.method == "POST":
            return self._out(request, token)
        if request.url.path == "/login" and request.method == "POST":
            return await self._in(request, token)
        if strange:
            return to_login(request)
        if fresh and request.url.path == "/login":
            # The login form needs a cookie to be believed by.
            request.scope["fresh_cookie"] = (cookie_name(request), token)
        return None

    # -- who it is --

    async def _who(self, request: Request) -> tuple[Visitor, str, bool]:
        """Return who asks, what their forms are bound to, and whether that is new."""
        if not self._users:
            peer = request.client.host if request.client else ""
            if not is_loopback(peer):
                raise Refused(
                    403,
                    "This console is open to its own machine only. Give it users "
                    "(LEVERET_CONSOLE_USERS) to open it to others.",
                )
            return LOCAL, "local", False
        given = request.headers.get("authorization", "")
        if given[:6].lower() == "basic ":
            visitor = await self._basic(request, given)
            return visitor, f"basic {visitor.name}", False
        token = request.cookies.get(cookie_name(request), "")
        if token and (visitor_known := self._sessions.visitor(token)):
            return visitor_known, token, False
        return STRANGER, token or secrets.token_urlsafe(32), not token

    async def _basic(self, request: Request, given: str) -> Visitor:
        key = hmac.new(self._salt, given.encode(), hashlib.sha256).hexdigest()
        until, visitor = self._right.get(key, (0.0, STRANGER))
        if until > self._clock():
            return visitor
        try:
            name, _, password = b64decode(given[6:], validate=True).decode().partition(":")
        except ValueError:  # no base64, no ASCII or no UTF-8
            name = password = ""
        visitor = await self._checked(request, name, password)
        if not visitor.known:
            raise Refused(
                401,
                _WRONG,
                headers={"www-authenticate": 'Basic realm="leveret", charset="UTF-8"'},
            )
        self._right[key] = (self._clock() + REMEMBERED, visitor)
        while len(self._right) > MOST_REMEMBERED:
            self._right.popitem(last=False)
        return visitor

    async def _checked(self, request: Request, name: str, password: str) -> Visitor:
        """Return who has this name and password, or the stranger; raises Refused when throttled."""
        address = f"address {request.client.host if request.client else ''}"
        known = f"name {name[:64]}"
        wait = max(self._by_address.wait(address), self._by_name.wait(known))
        if wait:
            raise Refused(
                429,
                f"Too many failed logins from this address or for this name. Wait {ceil(wait)} s, "
                "then try again; before that, the right password is not tried either. Each further "
                "failure doubles the wait, up to 5 min; 15 min without one, and all is forgotten.",
                headers={"retry-after": f"{ceil(wait)}"},
            )
        user = self._users.get(name)
        # Counted before the check: a hundred tries at once must not all find the door open.
        self._by_address.failed(address)
        self._by_name.failed(known)
        async with self._checking:
            right = await asyncio.to_thread(
                fits, password[:1024], user.made if user else self._nobody
            )
        if user is None or not right:
            return STRANGER
        self._by_address.passed(address)
        self._by_name.passed(known)
        return Visitor(user.name, user.role)

    # -- in and out --

    async def _in(self, request: Request, token: str) -> Response | None:
        if not self._users:
            return RedirectResponse("/", 303)
        form = entry_of(request).form
        try:
            visitor = await self._checked(request, form.get("name", ""), form.get("password", ""))
        except Refused as refused:
            request.scope["login_refused"] = refused
            return None
        if not visitor.known:
            request.scope["login_refused"] = Refused(401, _WRONG)
            return None
        self._sessions.end(token)
        response = RedirectResponse(safe_next(form.get("next", "")), 303)
        # A new token: whoever planted the old one in this browser stays outside.
        set_cookie(request, response, self._sessions.begin(visitor))
        return response

    def _out(self, request: Request, token: str) -> Response:
        self._sessions.end(token)
        response = RedirectResponse("/login" if self._users else "/", 303)
        response.delete_cookie(cookie_name(request), path="/")
        return response
