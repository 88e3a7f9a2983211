"""What the doors found out about a request, and the refusal of one that gets no page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from workers.console.doors.sessions import Visitor


class Refused(Exception):
    """A request that gets no page; says which status, and what to do."""

    def __init__(self, status: int, line: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(line)
        self.status = status
        self.line = line
        self.headers = dict(headers or {})


class Entry(NamedTuple):
    """What the doors found out about a request."""

    visitor: Visitor
    #: What a form for this visitor must carry.
    form_token: str
    #: What was posted; the first value of each field.
    form: Mapping[str, str]
    #: All values of fields that were posted several times.
    several: Mapping[str, tuple[str, ...]]


def entry_of(request: Request) -> Entry:
    """Return what the doors found out."""
    entry: Entry = request.scope["entry"]
    return entry
