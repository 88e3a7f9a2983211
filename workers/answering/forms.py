"""Answers with gaps: the whole document as JSON, but for what differs from one to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import orjson

from messages.envelope import DEFAULT_TTL
from messages.model import DEFAULT_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from messages import AgentMetadata

#: Stands where JSON is filled in, by `%`.
GAP: Final = orjson.Fragment(b"%b")
#: As the models write times.
IN_UTC: Final = orjson.OPT_UTC_Z
#: Ids that have all but their last group in common.
IDS_A_LEAD: Final = 1_000
#: The largest number there is in the last group of an id.
LAST_ID: Final = 2**48 - 1


def form(source: AgentMetadata, message_type: str, payload: Mapping[str, Any]) -> bytes:
    """Return the answers of one type with a gap for each thing that is a message's own.

    Those of the envelope are, in their order: the id as it is, and as JSON the correlation id, who
    asked, and the time; then come the payload's.
    """
    return orjson.dumps(
        {
            "envelope_id": "%b",
            "message_type": message_type,
            "correlation_id": GAP,
            "reply_to": None,
            "ttl": DEFAULT_TTL,
            "source_agent": orjson.Fragment(source.model_dump_json().replace("%", "%%").encode()),
            "target_agent": GAP,
            "version": DEFAULT_VERSION,
            "timestamp": GAP,
            "payload": payload,
        }
    )


class Ids:
    """Makes UUIDs (version 4); the standard library's cost eight times as much.

    The first 74 random bits are a thousand ids', and the last 48 count up from a random number: no
    two are equal, and nobody has to guess them.
    """

    def __init__(self) -> None:
        #: All of an id but its last group, that group as a number, and for how many it lasts.
        self._lead = b""
        self._last = 0
        self._left = 0

    def next(self) -> bytes:
        """Return a new one."""
        if not self._left:
            self._left = IDS_A_LEAD
            lead, _, last = str(uuid4()).rpartition("-")
            self._lead, self._last = lead.encode(), int(last, 16)
        self._left -= 1
        self._last = (self._last + 1) & LAST_ID
        return b"%b-%012x" % (self._lead, self._last)
