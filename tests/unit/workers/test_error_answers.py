"""Written straight, an error answer is the document that the models write."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import orjson
import pytest

from messages import ErrorCode, answer_error, encode, error_payload
from messages.catalog import Catalog
from messages.errors import FieldError
from messages.shipped import ErrorPayload
from workers.answering.error_answers import ErrorAnswers
from workers.outcome import Failure
from workers.testing import agent

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)
SOURCE = agent("worker-100%")
ERRORS = (FieldError("payload.häre", "/payload/häre", "less_than_equal", 'must be "10" \n or %b'),)


@pytest.mark.parametrize("correlation_id", [None, uuid4()])
@pytest.mark.parametrize("original", [None, uuid4()])
@pytest.mark.parametrize("target", [None, "asker"])
def test_both_ways_write_the_same(
    correlation_id: UUID | None, original: UUID | None, target: str | None
) -> None:
    """Field for field, in the same order, and any catalog reads it."""
    failure = Failure(ErrorCode.INVALID_PAYLOAD, 'does not fit: "100 %"\u2028!', ERRORS, 1)
    details = {
        "errors": [error._asdict() for error in ERRORS],
        "error_count": 1,
        "process": {"exit_code": -9, "signal": None, "cpu_seconds": 0.25},
    }
    written = ErrorAnswers(SOURCE).write(
        failure,
        details,
        NOW,
        correlation_id=correlation_id,
        target_agent=target,
        original=original,
    )
    payload = error_payload(failure.code.value, failure.reason, details, original=original)
    modelled = answer_error(
        payload, source=SOURCE, correlation_id=correlation_id, target_agent=target
    )
    read = Catalog([ErrorPayload]).decode(written)
    assert encode(read) == written
    assert read == modelled.model_copy(
        update={"envelope_id": read.envelope_id, "timestamp": read.timestamp}
    )
    assert read.timestamp == NOW
    assert list(orjson.loads(written)) == list(orjson.loads(encode(modelled)))
