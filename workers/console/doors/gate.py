"""What every request must pass and every response must say, whoever asks."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Reads change nothing; whatever changes something is a POST.
METHODS: Final = frozenset({"GET", "HEAD", "POST"})
#: Nothing from elsewhere, nothing inline, in nobody's frame.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SAID: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
_HOST: Final = re.compile(
    r"(?:(?P<name>[a-z0-9_.-]+)|\[(?P<ipv6>[0-9a-f:.]+)\])(?::(?P<port>[0-9]{1,5}))?", re.ASCII
)
_PORTS: Final = range(1, 65_536)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - to know it, not to listen there


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names by which browsers may call us; a name that somebody points at us is none."""

    names: frozenset[str]
    #: Whether any bare address will do: nobody can make a browser take another name for one.
    addresses: bool = field(default=False, kw_only=True)

    @classmethod
    def of(cls, listening: str, more: Iterable[str] = ()) -> Hosts:
        """Return the names for a console that listens there."""
        names = {*_LOOPBACK, *(name.lower() for name in more)}
        everywhere = listening in _EVERYWHERE
        names |= {socket.gethostname().lower()} if everywhere else {listening.lower()}
        return cls(frozenset(names), addresses=everywhere)

    def known(self, host: str) -> bool:
        """Whether a Host header names us; a malformed one names nobody."""
        name = name_in(host)
        return name is not None and (name in self.names or (self.addresses and is_address(name)))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def is_address(host: str) -> bool:
    """Whether this is an IP address and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Gate:
    """Refuses other methods, other hosts and other origins; tells browsers to be careful."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] != "http":
            return

        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SAID.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        app = self._app if refusal is None else refusal
        await app(scope, receive, careful)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or name_in(hosts[0]) is None:
            return PlainTextResponse(
                "The request must say once, as name or name:port, which host it is for.\n", 400
            )
        if not self._hosts.known(hosts[0]):
            return PlainTextResponse(
                "This console is not called by that name; add it to LEVERET_CONSOLE_HOSTS.\n",
                421,
            )
        if scope["method"] not in METHODS:
            return PlainTextResponse(
                "Only GET and POST here.\n", 405, headers={"allow": "GET, HEAD, POST"}
            )
        if scope["method"] == "POST" and not _same_origin(headers, hosts[0]):
            return PlainTextResponse(
                "This form came from another site; open the console itself and try again.\n", 403
            )
        return None


def _same_origin(headers: Headers, host: str) -> bool:
    origin = headers.get("origin")
    if origin is not None:
        try:
            return urlsplit(origin).netloc.lower() == host.lower()
        except ValueError:  # brackets that hold no address
            return False
    # A browser says at least one of the two; a program says neither, and its token decides.
    return headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}


def name_in(host: str) -> str | None:
    """Return the name in a Host header, without port and brackets; None where it is malformed.

    Whatever else stands there - a user before an @, a second name - may be read as another host by
    a browser, a proxy or a page.
    """
    found = _HOST.fullmatch(host.lower())
    if found is None or int(found["port"] or 1) not in _PORTS:
        return None
    if found["ipv6"] is not None and not is_address(found["ipv6"]):
        return None
    return found["ipv6"] or found["name"]
