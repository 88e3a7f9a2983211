"""What a processor is told besides its payload."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from messages import Envelope
    from workers.outcome import Delivery


class Context:
    """The circumstances of one attempt; made anew for each, and not to be kept beyond it."""

    __slots__ = ("_delivery", "_now", "_transaction", "attempt", "deadline", "envelope", "worker")

    #: For what a processor has to say; ids are added by `extra=context.ids`.
    log = logging.getLogger("leveret.processor")

    def __init__(
        self,
        envelope: Envelope,
        delivery: Delivery,
        attempt: int,
        worker: str,
        deadline: datetime | None,
        now: Callable[[], datetime],
        transaction: object = None,
    ) -> None:
        self.envelope = envelope
        #: 1 for the first try.
        self.attempt = attempt
        #: The id of the worker that runs it.
        self.worker = worker
        #: When the asker stops caring, UTC; None where the task names no deadline.
        self.deadline = deadline
        self._delivery = delivery
        self._now = now
        self._transaction = transaction

    @property
    def transaction(self) -> Any:
        """The inbox's connection in an open transaction, a `psycopg.AsyncConnection`.

        What is written through it commits together with the mark that this message is done, or not
        at all; leave committing to the worker. Raises RuntimeError for a processor that was not
        registered with `transaction=True`.
        """
        if self._transaction is None:
            raise RuntimeError(
                "there is no transaction: register the processor with transaction=True and set "
                "LEVERET_INBOX=postgresql://…"
            )
        return self._transaction

    @property
    def ids(self) -> dict[str, str]:
        """The ids that let a log line be found again, for `extra=`."""
        return {"envelope_id": str(self.envelope.envelope_id), "worker": self.worker}

    @property
    def sender_id(self) -> str:
        """Who the message says it comes from; believe `user_id` instead where it matters."""
        return self.envelope.source_agent.agent_id

    @property
    def user_id(self) -> str | None:
        """Who the broker says the sender is, or None where the sender did not say."""
        return self._delivery.properties.user_id

    @property
    def headers(self) -> Mapping[str, object]:
        """The AMQP headers as the sender wrote them; untrusted."""
        return self._delivery.properties.headers

    @property
    def redelivered(self) -> bool:
        """Whether the broker handed this delivery out before, so that its effect may exist."""
        return self._delivery.redelivered

    def remaining(self) -> float | None:
        """Return the seconds until the deadline (never below 0), or None without one."""
        if self.deadline is None:
            return None
        return max(0.0, (self.deadline - self._now()).total_seconds())
