"""Addresses of a broker or a store that carry a password and never show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

#: Parameters of an address that are no secret and help to see what is connected to.
_PUBLIC: Final = frozenset(
    {"auth", "cafile", "capath", "certfile", "heartbeat", "keyfile", "name", "timeout", "sslmode"}
)
_AMQP_EXAMPLE: Final = "amqp://user:password@host:5672/vhost"
_IN_A_PASSWORD: Final = (
    "percent-encode what an address does not allow in a user name or password "  # noqa: S105 - advice
    "(@ is %40, / is %2F, # is %23)"
)


@dataclass(frozen=True, slots=True)
class SecretUrl:
    """An address whose password shows neither in `str` nor in `repr`."""

    _text: str = field(repr=False)

    def get_secret_value(self) -> str:
        """Return the whole address, password included; give it to the library, never to a log."""
        return self._text

    @property
    def scheme(self) -> str:
        """What is spoken there, in lower case."""
        return urlsplit(self._text).scheme

    @property
    def path(self) -> str:
        """What follows the third slash: a file of sqlite, a database, a virtual host."""
        return urlsplit(self._text).path.removeprefix("/")

    def __str__(self) -> str:
        parts = urlsplit(self._text)
        credentials, at, place = parts.netloc.rpartition("@")
        user, colon, _ = credentials.partition(":")
        shown = f"{parts.scheme}://{user}{':***' if colon else ''}{at}{place}{parts.path}"
        query = "&".join(
            f"{key}={value}" if key in _PUBLIC else f"{key}=***"
            for key, value in parse_qsl(parts.query, keep_blank_values=True)
        )
        return f"{shown}?{query}" if query else shown

    def __repr__(self) -> str:
        return f"SecretUrl({str(self)!r})"


def parse_amqp_url(value: object) -> SecretUrl | None:
    """Return the broker's address, or None where there is none; raises ValueError."""
    text = _text(value)
    if not text:
        return None
    parts = _split(text)
    if parts.scheme not in {"amqp", "amqps"}:
        raise ValueError(
            f"a broker's address begins with amqp:// or amqps://; write {_AMQP_EXAMPLE}"
        )
    try:
        host = parts.hostname
        _ = parts.port
    except ValueError:
        raise ValueError(f"the port in the address is no number; {_IN_A_PASSWORD}") from None
    if not host or parts.fragment:
        raise ValueError(f"the address names no host; write {_AMQP_EXAMPLE}, and {_IN_A_PASSWORD}")
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError(
            "the host in the address is no name that can be looked up: its parts are 1 to 63 "
            f"characters each; write {_AMQP_EXAMPLE}"
        ) from None
    asked = parse_qsl(parts.query, keep_blank_values=True)
    if any(key == "no_verify_ssl" and value != "0" for key, value in asked):
        raise ValueError(
            "no_verify_ssl would let anybody in between read and change every message; "
            "remove it and name the broker's CA with ?cafile=/path/to/ca.pem"
        )
    return SecretUrl(text)


def parse_inbox_url(value: object) -> SecretUrl | None:
    """Return where the inbox lives, or None for `none`; raises ValueError."""
    text = _text(value)
    if text in {"", "none"}:
        return None
    parts = _split(text)
    if parts.scheme == "sqlite":
        if parts.netloc or not parts.path.removeprefix("/"):
            raise ValueError(
                "sqlite wants a file after three slashes: sqlite:///inbox.db, or four for an "
                "absolute path, sqlite:////var/lib/leveret/inbox.db"
            )
        if parts.path == "/:memory:":
            raise ValueError(
                "an inbox in memory forgets what is done at the first restart; "
                "write sqlite:///inbox.db, or none"
            )
    elif parts.scheme == "postgresql":
        if not parts.path.removeprefix("/"):
            raise ValueError(
                "postgresql wants a database: postgresql://user:password@host/database"
            )
    else:
        raise ValueError(
            "an inbox is none, sqlite:///file or postgresql://user:password@host/database; "
            "write one of these"
        )
    return SecretUrl(text)


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:
        # What the library says about it repeats the password.
        raise ValueError(f"that is no address; {_IN_A_PASSWORD}") from None


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case SecretUrl():
            return value.get_secret_value()
        case str():
            return value.strip()
        case _:
            raise ValueError("an address is text; put it into quotes")
