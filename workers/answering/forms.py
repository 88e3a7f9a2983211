"""Answers with gaps: the whole document as JSON, but for what differs from one to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import orjson

from messages.envelope import DEFAULT_TTL
from messages.model import DEFAULT_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from messages import AgentMetadata

#: Stands where JSON is filled in, by `%`.
GAP: Final = orjson.Fragment(b"%b")
#: As the models write times.
IN_UTC: Final = orjson.OPT_UTC_Z
#: Ends of ids that have all else in common.
ENDS: Final = tuple(b"%03x" % number for number in range(16**3))


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

    All but the last three digits is random, and the same for as many ids as these can tell apart,
    which follow one another: no two are equal, and nobody has to guess them.
    """

    def __init__(self) -> None:
        self._lead = b""
        self._ends: Iterator[bytes] = iter(())

    def next(self) -> bytes:
        """Return a new one."""
        for end in self._ends:
            return self._lead + end
        self._lead = str(uuid4())[:-3].encode()
        self._ends = iter(ENDS)
        return self.next()
