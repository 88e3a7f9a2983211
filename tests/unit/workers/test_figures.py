"""What heartbeats tell is what the worker counted, and can be reckoned with."""

from __future__ import annotations

from workers.metrics.durations import BUCKETS
from workers.metrics.figures import (
    COUNTERS,
    IN_FLIGHT,
    counts,
    grown,
    histogram,
    quantile,
    together,
)
from workers.metrics.metrics import Metrics
from workers.outcome import Delivery, Replied, Requeued, Subject


def metrics() -> Metrics:
    """Return the books of a worker with three answers, one requeue and one in flight."""
    made = Metrics(group="g", task_types=["echo"])
    for _ in range(5):
        made.received(Delivery(b"", redelivered=False))
    for seconds in (0.0001, 0.02, 500.0):
        made.settled(Delivery(b""), Replied(Subject("task_request", "echo")), seconds)
    made.settled(Delivery(b""), Requeued(Subject(), "leaving"), 0.02)
    return made


def test_the_books_balance_in_a_heartbeat() -> None:
    """Received is every end and what is in flight."""
    told = metrics().totals()
    assert set(told) == {*COUNTERS, IN_FLIGHT}
    ends = sum(
        told[name] for name in ("replied", "dead_lettered", "retried", "expired", "requeued")
    )
    assert told["received"] == ends + told[IN_FLIGHT]
    assert (told["replied"], told["requeued"], told[IN_FLIGHT]) == (3, 1, 1)


def test_what_was_given_back_unseen_is_requeued_too() -> None:
    """A drain gives back what nobody began."""
    made = metrics()
    made.abandoned(Delivery(b""))
    assert (made.totals()["requeued"], made.totals()[IN_FLIGHT]) == (2, 0)


def test_a_histogram_comes_through_compactly() -> None:
    """Only what holds something travels, and nothing is lost on the way."""
    told = histogram(metrics().seconds())
    assert told == {"seconds_upto_0.0005": 1, "seconds_upto_0.025": 2, "seconds_upto_inf": 1}
    assert counts(told) == metrics().seconds()


def test_quantiles_are_the_bounds_they_fall_into() -> None:
    """The median of four is in the second one's bucket; the slowest is beyond the last bound."""
    told = histogram(metrics().seconds())
    assert quantile(0.5, told) == 0.025
    assert quantile(0.01, told) == 0.0005
    assert quantile(0.99, told) == BUCKETS[-1]
    assert quantile(0.5, {}) is None


def test_growth_never_goes_below_nothing() -> None:
    """A replica that began anew does not count backwards."""
    assert grown({"a": 5.0, "b": 1.0}, {"a": 3.0, "b": 9.0}) == {"a": 2.0, "b": 0.0}
    assert together([{"a": 1.0}, {"a": 2.0, "b": 3.0}]) == {"a": 3.0, "b": 3.0}
