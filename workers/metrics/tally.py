"""The tally of a worker: what became of every delivery, counted cheaply and bounded in series.

The numbers are kept as plain integers and lists: a counter of Prometheus' library costs more than
the dispatch of a message. Labels come from the registry and from closed lists, never from a sender.
"""

from __future__ import annotations

from collections import Counter
from time import time
from typing import TYPE_CHECKING, Final

from messages import ErrorCode, TaskRequestPayload
from workers.metrics.durations import Durations
from workers.outcome import Batched, DeadLettered, Expired, Replied, Requeued, Retried

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from workers.outcome import Answer, Delivery, Outcome

OUTCOMES: Final[dict[type[Outcome], str]] = {
    Replied: "replied",
    DeadLettered: "dead_lettered",
    Retried: "retried",
    Expired: "expired",
    Requeued: "requeued",
}
#: What a look into the inbox can find.
INBOX: Final = (
    *("new", "duplicate", "busy", "id_reused"),
    *("unidentified", "unavailable", "not_kept"),
)
#: Of what was dead-lettered or given back before its type was known.
NOBODY_KNOWS: Final = ("unknown", "")
#: Different types of validation errors told apart; a model may define any number of its own.
MOST_ERROR_TYPES: Final = 150


class Tally:
    """Counts what becomes of every delivery, told by the service."""

    def __init__(self, *, task_types: Iterable[str] = ()) -> None:
        self._received = 0
        self._redelivered = 0
        task_types = tuple(task_types)
        # A series that begins at 0 shows its first message: `increase` needs something before it.
        types = [(TaskRequestPayload.message_type_name(), task) for task in task_types]
        self._ends: dict[tuple[str, str, type[Outcome]], int] = {
            (*subject, end): 0 for subject in (*types, NOBODY_KNOWS) for end in OUTCOMES
        }
        self._given_back = 0
        self._processing = {task: Durations() for task in ("", "unknown", *task_types)}
        self._age = Durations()
        self._publishing = Durations()
        self._codes = Counter({code.value: 0 for code in ErrorCode})
        self._error_types: Counter[str] = Counter()
        self._retries = Counter(dict.fromkeys(task_types, 0))
        self._held = Counter(dict.fromkeys(task_types, 0))
        self._task_types = task_types
        #: Tells the trace a delivery was processed in, where there are traces.
        self.trace_of: Callable[[Delivery], str] | None = None
        self._undeliverable = 0
        self._connected = {"consuming": 0, "publishing": 0}
        self._connections = dict.fromkeys(self._connected, 0)
        self._inbox = Counter(dict.fromkeys(INBOX, 0))

    def received(self, delivery: Delivery) -> None:
        """Count a delivery that came in."""
        self._received += 1
        if delivery.redelivered:
            self._redelivered += 1

    def settled(self, delivery: Delivery, outcome: Outcome, seconds: float) -> None:
        """Count what became of a delivery; `seconds` is what the handling took.

        One that held several messages is counted as that many, so that the books balance.
        """
        if isinstance(outcome, Batched):
            ends = outcome.all_ends
            self._received += len(ends) - 1
            for _, end in ends:
                self.settled(delivery, end, seconds / len(ends))
            return
        subject = outcome.subject
        kind = subject.message_type, subject.task_type, type(outcome)
        self._ends[kind] = self._ends.get(kind, 0) + 1
        durations = self._processing.get(subject.task_type)
        if durations is not None:
            durations.observe(seconds)
            if self.trace_of is not None and (trace_id := self.trace_of(delivery)):
                durations.exemplify(seconds, trace_id)
        sent = delivery.properties.timestamp
        if sent is not None:
            self._age.observe(max(0.0, time() - sent))
        if not isinstance(outcome, Replied):
            self._count_trouble(outcome)

    def abandoned(self, _delivery: Delivery) -> None:
        """Count a delivery that went back to the broker without an end here."""
        self._given_back += 1

    def undeliverable(self, _answer: Answer) -> None:
        """Count an answer nobody could be given."""
        self._undeliverable += 1

    def published(self, seconds: float) -> None:
        """Count the time a publication took to be confirmed."""
        self._publishing.observe(seconds)

    def connected(self, connection: str, there: bool) -> None:  # noqa: FBT001 - yes or no
        """Note whether a connection is there."""
        self._connected[connection] = int(there)
        self._connections[connection] += there

    def inbox(self, result: str) -> None:
        """Count a look into the inbox."""
        self._inbox[result] += 1

    def _count_trouble(self, outcome: DeadLettered | Expired | Retried | Requeued) -> None:
        if isinstance(outcome, Requeued):
            return
        if isinstance(outcome, Retried):
            (self._held if outcome.held else self._retries)[outcome.subject.task_type] += 1
            return
        self._codes[outcome.failure.code.value] += 1
        for error in outcome.failure.errors:
            known = error.error_type in self._error_types
            full = len(self._error_types) >= MOST_ERROR_TYPES
            self._error_types["other" if full and not known else error.error_type] += 1

    @property
    def in_flight(self) -> int:
        """How many deliveries are with us, not settled yet."""
        return self._received - sum(self._ends.values()) - self._given_back

    @property
    def answers_undeliverable(self) -> int:
        """How many answers nobody took."""
        return self._undeliverable

    def ends(self, outcome: str) -> int:
        """Return how many deliveries came to this outcome, by the name of its label."""
        return sum(count for (_, _, kind), count in self._ends.items() if OUTCOMES[kind] == outcome)

    def totals(self) -> dict[str, float]:
        """Return the counters without their labels, as heartbeats tell them."""
        requeued = self._given_back + self.ends("requeued")
        return {
            "received": self._received,
            **{name: self.ends(name) for name in OUTCOMES.values()},
            "requeued": requeued,
            "redelivered": self._redelivered,
            "undeliverable": self._undeliverable,
            "in_flight": self.in_flight,
        }

    def seconds(self) -> list[int]:
        """Return how many deliveries of any type were handled within each bound of BUCKETS."""
        kinds = (durations.counts for durations in self._processing.values())
        return [sum(column) for column in zip(*kinds, strict=True)]

    def ages(self) -> list[int]:
        """Return how many deliveries were done within each bound of BUCKETS from being sent."""
        return self._age.counts
