"""An answer that is larger than may be sent ends as a dead letter, and its asker is told."""

from __future__ import annotations

import json
from typing import Final

import pytest

from messages import ErrorCode, ProtocolModel
from workers import Context, Registry
from workers.inbox.memory import MemoryInbox
from workers.outcome import Batched, DeadLettered, Properties, Replied
from workers.testing import Rehearsal

MOST: Final = 10_000


class Size(ProtocolModel):
    """How much text is wanted."""

    size: int


def large() -> Registry:
    """Return a processor whose answer is as long as it is asked."""
    registry = Registry()

    @registry.task("large", parameters=Size)
    async def large(wanted: Size, _context: Context) -> dict[str, str]:
        return {"text": "x" * wanted.size}

    return registry


@pytest.mark.parametrize("inbox", [None, MemoryInbox()], ids=["alone", "inbox"])
async def test_a_too_large_answer_is_a_dead_letter_that_names_size_and_bound(
    inbox: MemoryInbox | None,
) -> None:
    """Tried again it would be as large; the asker's error is small."""
    rehearsal = Rehearsal(large(), max_answer_bytes=MOST, inbox=inbox)
    outcome = await rehearsal.task("large", {"size": 2 * MOST})
    assert isinstance(outcome, DeadLettered)
    assert outcome.failure.code is ErrorCode.PROCESSING_FAILED
    assert not outcome.failure.retryable
    assert f"{MOST} are allowed" in outcome.failure.reason
    assert "LEVERET_MAX_ANSWER_BYTES" in outcome.failure.reason
    assert outcome.answer is not None
    assert len(outcome.answer.body) < MOST
    assert outcome.failure.reason in outcome.answer.body.decode()
    assert isinstance(await rehearsal.task("large", {"size": MOST // 2}), Replied)


async def test_a_batch_of_calls_is_answered_in_as_many_parts_as_it_takes() -> None:
    """Each response once, in the order of the calls; no part above the bound."""
    calls = [
        {"jsonrpc": "2.0", "method": "task_request.large", "params": {"size": size}, "id": number}
        for number, size in enumerate((4_000, 4_000, 4_000, 2 * MOST, 100))
    ]
    properties = Properties(
        content_type="application/json-rpc", reply_to="answers", correlation_id="c-1"
    )
    rehearsal = Rehearsal(large(), max_answer_bytes=MOST)
    outcome = await rehearsal.bytes(json.dumps(calls).encode(), properties)
    assert isinstance(outcome, Batched)
    assert outcome.answer is not None
    parts = [outcome.answer, *outcome.answers]
    assert len(parts) > 1
    assert all(len(part.body) <= MOST for part in parts)
    told = [response for part in parts for response in json.loads(part.body)]
    assert [response["id"] for response in told] == [0, 1, 2, 3, 4]
    assert ["error" in response for response in told] == [False, False, False, True, False]
    assert [type(end.outcome) for end in outcome.ends].count(DeadLettered) == 1
