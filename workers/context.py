"""What a processor is told besides its payload."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from messages import Envelope
    from workers.outcome import Delivery


class Context:
    """The circumstances of one attempt; made anew for each, and not to be kept beyond it."""

    __slots__ = ("_delivery", "_now", "attempt", "deadline", "envelope", "worker")

    #: For what a processor has to say; ids are added by `extra=context.ids`.
    log = logging.getLogger("leveret.processor")

    def __init__(
        self,
        envelope: Envelope,
        delivery: Delivery,
        *,
        attempt: int,
        worker: str,
        deadline: datetime | None,
        now: Callable[[], datetime],
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
