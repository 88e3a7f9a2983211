"""What a request asks for: which group, which letters. An address says it all, to be shared."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from workers.console.doors.entry import Refused
from workers.deadletters import Selection, TooShort

if TYPE_CHECKING:
    from starlette.requests import Request

    from workers.console.letters.benches import Benches

#: Parameter of the address → field of a selection.
_TEXTS: Final = {
    "code": "error_code",
    "type": "message_type",
    "task": "task_type",
    "agent": "agent",
    "contains": "contains",
    "fingerprint": "fingerprint",
}
_TIMES: Final = ("since", "until")
#: Characters of a filter, and letters chosen one by one.
LONGEST: Final = 300
MOST_CHOSEN: Final = 200


class Asked:
    """The filters of one request; raises Refused for what cannot be meant."""

    def __init__(self, request: Request, benches: Benches) -> None:
        query = request.query_params
        self.group = query.get("group") or benches.groups[0]
        if self.group not in benches.groups:
            raise Refused(
                404, f"There is no group of that name; there are: {', '.join(benches.groups)}."
            )
        self.ids = tuple(dict.fromkeys(query.getlist("id")))[:MOST_CHOSEN]
        self.filters = {name: query.get(name, "").strip()[:LONGEST] for name in (*_TEXTS, *_TIMES)}
        self.page = _page(query.get("page", ""))

    @property
    def selection(self) -> Selection:
        """Which letters are meant."""
        texts = {field: self.filters[name] or None for name, field in _TEXTS.items()}
        try:
            return Selection(
                ids=self.ids,
                since=_time(self.filters["since"]),
                until=_time(self.filters["until"]),
                **texts,
            )
        except TooShort as error:
            raise Refused(400, str(error)) from error

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The filters as an address has them, without letters chosen one by one."""
        return [
            ("group", self.group),
            *((name, value) for name, value in self.filters.items() if value),
        ]

    def query(self, **more: object) -> str:
        """Return the filters as the query of an address."""
        return urlencode([*self.pairs, *((name, str(value)) for name, value in more.items())])

    @property
    def chosen_query(self) -> str:
        """The same, with letters chosen one by one."""
        return urlencode([*self.pairs, *(("id", one) for one in self.ids)])


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(400, "Write a time as 2026-03-01T12:00.") from error
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when


def _page(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 8 else 1  # noqa: PLR2004 - no page is that far
