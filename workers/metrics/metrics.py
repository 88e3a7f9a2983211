"""The books of a worker as Prometheus sees them, made only when somebody asks."""

from __future__ import annotations

from collections import Counter
from time import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from workers.metrics.families import counted, measured, plain, timed
from workers.metrics.tally import NOBODY_KNOWS, OUTCOMES, Tally
from workers.outcome import Requeued

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.core import Metric


class Metrics(Tally, Collector):
    """A tally that Prometheus can read, by one scrape at a time."""

    def __init__(self, *, group: str, version: str = "", task_types: Iterable[str] = ()) -> None:
        super().__init__(task_types=task_types)
        self._group = group
        self._version = version
        #: Names the task types that are being held back; the pipeline knows.
        self.braking: Callable[[], Iterable[str]] = tuple
        #: Counts the fields of newer minor versions that were dropped; the pipeline knows.
        self.dropping: Callable[[], int] = int
        #: When the oldest message here was sent, in seconds since 1970; the runners know.
        self.oldest: Callable[[], int | None] = lambda: None
        #: What is in the way of taking messages, 1 or 0 each; the health knows.
        self.hindrances: Callable[[], Mapping[str, int]] = dict
        #: What a scrape reads; add further collectors to it.
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the names are this project's own and never clash."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield everything; taken in one go, so that the books balance in every scrape."""
        yield from self._messages()
        yield from self._durations()
        yield from self._trouble()
        yield from self._standing()
        yield counted("leveret_inbox", "Looks into the inbox, by result.", "result", self._inbox)
        yield InfoMetricFamily("leveret_build", "What runs here.", {"version": self._version})

    def _trouble(self) -> Iterator[Metric]:
        yield counted("leveret_dead_letters", "Dead letters, by reason.", "error_code", self._codes)
        yield counted(
            "leveret_validation_errors",
            "Validation errors of messages, by type.",
            "error_type",
            self._error_types,
        )
        yield counted(
            "leveret_retries", "Attempts put off to a retry rung.", "task_type", self._retries
        )
        yield counted(
            "leveret_held",
            "Deliveries put off to a retry rung before an attempt was made.",
            "task_type",
            self._held,
        )
        yield plain(
            "leveret_unknown_fields_dropped",
            "Fields of newer minor versions of the protocol, dropped unread.",
            self.dropping(),
        )
        yield plain(
            "leveret_replies_undeliverable",
            "Answers nobody took; those to replayed letters, which nobody waits for, are left out.",
            self._undeliverable,
        )
        yield plain(
            "leveret_redelivered", "Deliveries the broker had handed out before.", self._redelivered
        )

    def _standing(self) -> Iterator[Metric]:
        """Yield how things stand at this moment."""
        yield measured(
            "leveret_brake_engaged",
            "Whether work of this type is held back because all of it fails.",
            "task_type",
            dict.fromkeys(self._task_types, 0) | dict.fromkeys(self.braking(), 1),
        )
        yield measured(
            "leveret_not_ready",
            "What keeps this worker from taking messages: 1 while it does.",
            "reason",
            self.hindrances(),
        )
        yield measured(
            "leveret_connected",
            "Whether a connection to the broker is there.",
            "connection",
            self._connected,
        )
        again = sum(max(0, times - 1) for times in self._connections.values())
        yield plain("leveret_reconnects", "Connections made anew after a loss.", again)
        oldest = self.oldest()
        yield GaugeMetricFamily(
            "leveret_oldest_message_seconds",
            "Seconds since the oldest message that is with this worker was sent; 0 without any.",
            value=0.0 if oldest is None else max(0.0, time() - oldest),
        )

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
        ends = Counter(self._ends)
        # What went back to the broker before it had an end here: nobody knows its type.
        ends[*NOBODY_KNOWS, Requeued] += self._given_back
        for (message_type, task_type, kind), count in ends.items():
            processed.add_metric([message_type, task_type, OUTCOMES[kind]], count)
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
        yield timed("leveret_message_age_seconds", "Seconds from sent to done.", self._age)
        yield timed(
            "leveret_publish_seconds",
            "Seconds until a publication was confirmed.",
            self._publishing,
        )
