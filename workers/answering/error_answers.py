"""The answer that says what could not be done and why, written without the models.

The same document as they write: a flood of bad messages is no time to validate our own words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from messages.shipped import ErrorPayload
from workers.answering.forms import GAP, IN_UTC, Ids, form

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from messages import AgentMetadata
    from workers.outcome import Failure

#: The type of an answer that is an error.
ERROR: Final = ErrorPayload.message_type_name()
_PAYLOAD: Final = {
    "message_type": ERROR,
    "error_code": GAP,
    "error_message": GAP,
    "error_details": GAP,
    "original_message_id": GAP,
}


class ErrorAnswers:
    """Writes error answers of one worker."""

    def __init__(self, source: AgentMetadata) -> None:
        self._form = form(source, ERROR, _PAYLOAD)
        self._ids = Ids()

    def write(
        self,
        failure: Failure,
        details: Mapping[str, Any],
        now: datetime,
        *,
        correlation_id: UUID | None,
        target_agent: str | None,
        original: UUID | None,
    ) -> bytes:
        """Return the whole answer as JSON; `original` is the id of what was asked."""
        return self._form % (
            self._ids.next(),
            orjson.dumps(correlation_id),
            orjson.dumps(target_agent),
            orjson.dumps(now, option=IN_UTC),
            orjson.dumps(failure.code.value),
            orjson.dumps(failure.reason),
            orjson.dumps(details),
            orjson.dumps(original),
        )
