"""The books of a worker as Prometheus sees them; cheap for each message, bounded in series.

The numbers are kept as plain integers and lists and only become Prometheus' own objects when
somebody asks: a counter of the library costs more than the dispatch of a message. Labels come from
the registry and from closed lists, never from a sender.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import accumulate
from time import time
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from workers.outcome import Batched, DeadLettered, Expired, Replied, Requeued, Retried

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.core import Metric

    from workers.outcome import Answer, Delivery, Outcome

#: Seconds: from the quickest processor to the longest time limit.
BUCKETS: Final = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
)
OUTCOMES: Final[dict[type[Outcome], str]] = {
    Replied: "replied",
    DeadLettered: "dead_lettered",
    Retried: "retried",
    Expired: "expired",
    Requeued: "requeued",
}
#: Different types of validation errors told apart; a model may define any number of its own.
MOST_ERROR_TYPES: Final = 150


class Durations:
    """A histogram of seconds."""

    __slots__ = ("_counts", "_sum")

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(BUCKETS, seconds)] += 1
        self._sum += seconds

    @property
    def counts(self) -> list[int]:
        """How many were in each bucket, the last one beyond all bounds."""
        return self._counts

    def buckets(self) -> tuple[list[tuple[str, float]], float]:
        """Return the cumulated counts by upper bound, and the sum."""
        bounds = [*map(str, BUCKETS), "+Inf"]
        return list(zip(bounds, map(float, accumulate(self._counts)), strict=True)), self._sum


class Metrics(Collector):
    """Counts what becomes of every delivery; read by one scrape at a time."""

    def __init__(self, *, group: str, version: str = "", task_types: Iterable[str] = ()) -> None:
        self._group = group
        self._version = version
        self._received = 0
        self._redelivered = 0
        self._ends: Counter[tuple[str, str, type[Outcome]]] = Counter()
        self._given_back = 0
        self._processing = {task: Durations() for task in ("", "unknown", *task_types)}
        self._age = Durations()
        self._publishing = Durations()
        self._codes: Counter[str] = Counter()
        self._error_types: Counter[str] = Counter()
        self._retries: Counter[str] = Counter()
        self._held: Counter[str] = Counter()
        #: Names the task types that are being held back; the pipeline knows.
        self.braking: Callable[[], Iterable[str]] = tuple
        #: Counts the fields of newer minor versions that were dropped; the pipeline knows.
        self.dropping: Callable[[], int] = int
        self._undeliverable = 0
        self._connected = {"consuming": 0, "publishing": 0}
        self._connections = dict.fromkeys(self._connected, 0)
        self._inbox: Counter[str] = Counter()
        #: What a scrape reads; add further collectors to it.
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    # -- told by the service, for each message --

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
        self._ends[subject.message_type, subject.task_type, type(outcome)] += 1
        durations = self._processing.get(subject.task_type)
        if durations is not None:
            durations.observe(seconds)
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
        return self._received - self._ends.total() - self._given_back

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

    # -- read by a scrape --

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the names are this project's own and never clash."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield everything; taken in one go, so that the books balance in every scrape."""
        yield from self._messages()
        yield from self._durations()
        yield _counted(
            "leveret_dead_letters", "Dead letters, by reason.", "error_code", self._codes
        )
        yield _counted(
            "leveret_validation_errors",
            "Validation errors of messages, by type.",
            "error_type",
            self._error_types,
        )
        yield _counted(
            "leveret_retries", "Attempts put off to a retry rung.", "task_type", self._retries
        )
        yield _counted(
            "leveret_held",
            "Deliveries put off to a retry rung before an attempt was made.",
            "task_type",
            self._held,
        )
        brake = GaugeMetricFamily(
            "leveret_brake_engaged",
            "Whether work of this type is held back because all of it fails.",
            labels=["task_type"],
        )
        for task_type in self.braking():
            brake.add_metric([task_type], 1)
        yield brake
        yield _plain(
            "leveret_unknown_fields_dropped",
            "Fields of newer minor versions of the protocol, dropped unread.",
            self.dropping(),
        )
        yield _plain("leveret_replies_undeliverable", "Answers nobody took.", self._undeliverable)
        yield _plain(
            "leveret_redelivered", "Deliveries the broker had handed out before.", self._redelivered
        )
        yield _counted("leveret_inbox", "Looks into the inbox, by result.", "result", self._inbox)
        connected = GaugeMetricFamily(
            "leveret_connected",
            "Whether a connection to the broker is there.",
            labels=["connection"],
        )
        for name, there in self._connected.items():
            connected.add_metric([name], there)
        yield connected
        again = sum(max(0, times - 1) for times in self._connections.values())
        yield _plain("leveret_reconnects", "Connections made anew after a loss.", again)
        yield InfoMetricFamily("leveret_build", "What runs here.", {"version": self._version})

    def _messages(self) -> Iterator[Metric]:
        in_flight = self.in_flight
        received = CounterMetricFamily(
            "leveret_messages_received",
            "Deliveries that came in.",
            labels=["group"],
        )
        received.add_metric([self._group], self._received)
        yield received
        processed = CounterMetricFamily(
            "leveret_messages_processed",
            "Deliveries settled, by what became of them.",
            labels=["message_type", "task_type", "outcome"],
        )
        for (message_type, task_type, kind), count in self._ends.items():
            processed.add_metric([message_type, task_type, OUTCOMES[kind]], count)
        if self._given_back:
            # Back with the broker before they had an end here, so nobody knows their type.
            processed.add_metric(["unknown", "", "requeued"], self._given_back)
        yield processed
        yield GaugeMetricFamily(
            "leveret_in_flight",
            "Deliveries with this worker, not settled yet.",
            value=in_flight,
        )

    def _durations(self) -> Iterator[Metric]:
        processing = HistogramMetricFamily(
            "leveret_processing_seconds",
            "Seconds from delivery to outcome.",
            labels=["task_type"],
        )
        for task_type, durations in self._processing.items():
            buckets, total = durations.buckets()
            if buckets[-1][1]:
                processing.add_metric([task_type], buckets, total)
        yield processing
        for name, text, durations in (
            ("leveret_message_age_seconds", "Seconds from sent to done.", self._age),
            (
                "leveret_publish_seconds",
                "Seconds until a publication was confirmed.",
                self._publishing,
            ),
        ):
            buckets, total = durations.buckets()
            yield HistogramMetricFamily(name, text, buckets=buckets, sum_value=total)


def _counted(name: str, text: str, label: str, counts: Counter[str]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _plain(name: str, text: str, count: int) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=count)
