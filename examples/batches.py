"""`batch` → `batch_summary`: many small messages in one, and one answer about them all."""

from __future__ import annotations

from collections import Counter

from messages import BatchPayload, Payload
from workers import Context, Registry

registry = Registry()


class BatchSummary(Payload, type="batch_summary"):
    """How many messages a batch held, in all and of each type."""

    batch_id: int
    count: int
    by_type: dict[str, int]
    distinct_ids: int


@registry.processor(BatchPayload)
async def summarize_batch(batch: BatchPayload, _context: Context) -> BatchSummary:
    """Answer with the batch's figures; its messages are valid, or it had not come this far."""
    types = Counter(message.msg_type for message in batch.messages)
    return BatchSummary(
        batch_id=batch.batch_id,
        count=len(batch.messages),
        by_type=dict(sorted(types.items())),
        distinct_ids=len({message.msg_id for message in batch.messages}),
    )
