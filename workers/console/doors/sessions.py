"""Who is behind a cookie: sessions in memory, bounded in number and in time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.console.doors.users import Role

#: Seconds without a request until somebody must log in again, and in all.
IDLE: Final = 8 * 3600.0
LONGEST: Final = 24 * 3600.0
#: Sessions at once; the one that was silent longest goes. Strangers get one too, for their token.
MOST: Final = 5_000


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody at the console."""

    #: Empty for a stranger, who sees the login page and nothing else.
    name: str
    role: Role | None

    @property
    def known(self) -> bool:
        """Whether this is somebody who may look."""
        return self.role is not None

    @property
    def may_act(self) -> bool:
        """Whether this is somebody who may change things."""
        return self.role == "operator"


STRANGER: Final = Visitor("", None)


@dataclass(slots=True)
class _Session:
    visitor: Visitor
    began: float
    seen: float


class Sessions:
    """Sessions by the hash of their token: who reads our memory cannot walk in with it."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def begin(self, visitor: Visitor) -> str:
        """Return the token of a new session."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        self._sessions[_key(token)] = _Session(visitor, now, now)
        while len(self._sessions) > MOST:
            self._sessions.popitem(last=False)
        return token

    def visitor(self, token: str) -> Visitor | None:
        """Return who has this token, or None where nobody (any more) has."""
        key = _key(token)
        session = self._sessions.get(key)
        if session is None:
            return None
        now = self._clock()
        if now - session.seen > IDLE or now - session.began > LONGEST:
            del self._sessions[key]
            return None
        session.seen = now
        self._sessions.move_to_end(key)
        return session.visitor

    def end(self, token: str) -> None:
        """Forget a session."""
        self._sessions.pop(_key(token), None)

    def form_token(self, token: str) -> str:
        """Return what a form of this session must carry to be believed."""
        return hmac.new(self._secret, token.encode(), hashlib.sha256).hexdigest()

    def believed(self, token: str, form_token: str) -> bool:
        """Whether a form was made for this session."""
        return hmac.compare_digest(self.form_token(token).encode(), form_token.encode())


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
