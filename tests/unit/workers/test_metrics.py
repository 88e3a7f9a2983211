"""What a scrape shows: every public name, books that balance, and a bounded number of series."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as read_open_metrics,
)
from prometheus_client.parser import text_string_to_metric_families as read

from messages import ErrorCode, FieldError
from workers.metrics.exposition import merge, page
from workers.metrics.metrics import Metrics
from workers.metrics.tally import MOST_ERROR_TYPES, OUTCOMES
from workers.outcome import (
    Batched,
    DeadLettered,
    Delivery,
    End,
    Failure,
    Outcome,
    Properties,
    Replied,
    Requeued,
    Retried,
    Subject,
)
from workers.runners import MISTAKE

ECHO = Subject("task_request", "echo")
#: The public list: each family with its type and the labels of its samples.
PUBLIC = {
    "leveret_messages_received": ("counter", {"group"}),
    "leveret_messages_processed": ("counter", {"message_type", "task_type", "outcome"}),
    "leveret_processing_seconds": ("histogram", {"task_type"}),
    "leveret_message_age_seconds": ("histogram", set()),
    "leveret_in_flight": ("gauge", set()),
    "leveret_dead_letters": ("counter", {"error_code"}),
    "leveret_validation_errors": ("counter", {"error_type"}),
    "leveret_retries": ("counter", {"task_type"}),
    "leveret_replies_undeliverable": ("counter", set()),
    "leveret_publish_seconds": ("histogram", set()),
    "leveret_redelivered": ("counter", set()),
    "leveret_connected": ("gauge", {"connection"}),
    "leveret_reconnects": ("counter", set()),
    "leveret_inbox": ("counter", {"result"}),
    "leveret_build": ("info", {"version"}),
}
FORMATS = {"": read, "application/openmetrics-text": read_open_metrics}


def invalid(*error_types: str) -> Failure:
    """Return a failure of validation."""
    errors = tuple(FieldError("a", "/a", kind, "no") for kind in error_types)
    return Failure(ErrorCode.INVALID_PAYLOAD, "no", errors, len(errors))


def dead(subject: Subject = ECHO, *error_types: str) -> DeadLettered:
    """Return a dead letter."""
    return DeadLettered(subject, invalid(*error_types), str(uuid4()))


@pytest.fixture
def metrics() -> Metrics:
    """Return books with one of everything in them."""
    books = Metrics(group="images", version="1.2.3", task_types=["echo"])
    failure = Failure(ErrorCode.PROCESSING_FAILED, "no")
    outcomes: list[Outcome] = [
        Replied(ECHO),
        dead(ECHO, "missing"),
        Retried(ECHO, failure, None, 1),
        MISTAKE,
        Requeued(ECHO, "leaving"),
    ]
    sent = Properties(timestamp=int(time.time()))
    for outcome in outcomes:
        books.received(Delivery(b"", sent))
        books.settled(Delivery(b"", sent), outcome, 0.01)
    for _ in range(3):
        books.received(Delivery(b"", redelivered=True))
    books.abandoned(Delivery(b""))
    books.connected("consuming", True)
    books.published(0.001)
    books.inbox("new")
    return books


@pytest.mark.parametrize("accept", FORMATS)
def test_every_public_metric_is_there_with_its_labels_and_a_help_text(
    metrics: Metrics, accept: str
) -> None:
    """Both formats are what their own parsers read, and hold the names outsiders use."""
    text = page(metrics.registry, accept)[0].decode()
    families = {family.name: family for family in FORMATS[accept](text)}
    for name, (kind, labels) in PUBLIC.items():
        family = families[name if kind != "info" or accept else f"{name}_info"]
        assert family.type == (kind if kind != "info" or accept else "gauge")
        assert family.documentation.endswith(".")
        assert {key for sample in family.samples for key in sample.labels} - {"le"} == labels
    bounds = {
        float(sample.labels["le"])
        for sample in families["leveret_publish_seconds"].samples
        if "le" in sample.labels
    }
    assert (min(bounds), sorted(bounds)[-2]) == (0.0005, 300.0)


@pytest.mark.parametrize("accept", FORMATS)
def test_no_series_is_told_twice(metrics: Metrics, accept: str) -> None:
    """Prometheus refuses a whole page for one series that is on it twice."""
    text = page(metrics.registry, accept)[0].decode()
    series = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series))


@pytest.mark.parametrize("accept", FORMATS)
def test_a_type_that_was_asked_for_and_is_missing_makes_no_series(accept: str) -> None:
    """Its letter tells it; here every name a sender makes up would be one more series."""
    books = Metrics(group="images", version="1.2.3", task_types=["echo"])
    missing = (Subject("task_request", "unknown", asked="teleport"), Subject(asked="teleport"))
    for subject in missing:
        books.received(Delivery(b""))
        books.settled(Delivery(b""), dead(subject), 0.01)
    assert "teleport" not in page(books.registry, accept)[0].decode()
    assert value(books, "leveret_messages_processed_total", task_type="unknown") == 1


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """Return the sum of the samples that have these labels."""
    return sum(
        sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_the_books_balance_whatever_comes(metrics: Metrics) -> None:
    """Received is every outcome and what is in flight; a batch counts each of its messages."""
    metrics.received(Delivery(b""))
    ends = (End(Delivery(b""), Replied(ECHO)), End(Delivery(b""), dead()))
    metrics.settled(Delivery(b""), Batched(ECHO, ends), 0.01)
    received = value(metrics, "leveret_messages_received_total", group="images")
    processed = value(metrics, "leveret_messages_processed_total")
    assert value(metrics, "leveret_in_flight") == 2
    assert received == processed + 2
    # One by a mistake, one by a drain, one that nobody had begun.
    assert value(metrics, "leveret_messages_processed_total", outcome="requeued") == 3


def test_the_first_of_a_kind_shows_as_growth() -> None:
    """What has not happened yet is a series at 0, so that `increase` sees it happen."""
    books = Metrics(group="g", task_types=["echo"])
    samples = [
        (sample.name, label, sample.value)
        for family in books.collect()
        for sample in family.samples
        for label in sample.labels.values()
    ]
    for code in ErrorCode:
        assert ("leveret_dead_letters_total", code.value, 0) in samples
    for outcome in OUTCOMES.values():
        assert ("leveret_messages_processed_total", outcome, 0) in samples
    assert ("leveret_retries_total", "echo", 0) in samples


def test_series_are_bounded_whatever_is_sent(metrics: Metrics) -> None:
    """Ten thousand different error types make a fixed number of series, and none is lost."""
    for number in range(10_000):
        metrics.settled(Delivery(b""), dead(ECHO, f"type-{number}"), 0.0)
    series = [
        sample
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "leveret_validation_errors_total"
    ]
    assert len(series) <= MOST_ERROR_TYPES + 1
    assert sum(sample.value for sample in series) == 10_001


@pytest.mark.parametrize("accept", FORMATS)
def test_several_replicas_are_one_page(metrics: Metrics, accept: str) -> None:
    """Each sample names its replica, each family is told once, and who is missing can be seen."""
    text = page(metrics.registry, accept)[0].decode()
    whole = merge({"0": text, "1": text}, accept, wanted=3)[0].decode()
    assert whole.count("# TYPE leveret_in_flight ") == 1
    families = {family.name: family for family in FORMATS[accept](whole)}
    told = families["leveret_in_flight"].samples
    assert [(sample.labels, sample.value) for sample in told] == [
        ({"replica": "0"}, 2),
        ({"replica": "1"}, 2),
    ]
    assert families["leveret_processing_seconds"].type == "histogram"
    assert families["leveret_replicas_wanted"].samples[0].value == 3
    assert families["leveret_replicas_answering"].samples[0].value == 2


def test_examples_come_along_to_the_joint_page(metrics: Metrics) -> None:
    """Each replica's trace beside its own bucket, as on its own page; plain text has no place."""
    metrics.trace_of = lambda _delivery: "4bf92f3577b34da6a3ce929d0e0e4736"
    metrics.settled(Delivery(b""), Replied(ECHO, None), 0.2)
    asked = "application/openmetrics-text"
    text = page(metrics.registry, asked)[0].decode()
    whole, content_type = merge({"0": text, "1": text}, asked)
    assert "openmetrics" in content_type
    examples = [
        (sample.labels["replica"], sample.labels["le"], sample.exemplar.labels)
        for family in FORMATS[asked](whole.decode())
        for sample in family.samples
        if sample.exemplar is not None
    ]
    trace = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}
    assert examples == [("0", "0.25", trace), ("1", "0.25", trace)]
    plain = page(metrics.registry, "")[0].decode()
    assert b"trace_id" not in merge({"0": plain}, "")[0]


def test_the_age_of_the_oldest_message_is_told(metrics: Metrics) -> None:
    """From when it was sent until now; nothing here, and the future, are 0."""
    assert value(metrics, "leveret_oldest_message_seconds") == 0
    metrics.oldest = lambda: int(time.time()) - 60
    assert 60 <= value(metrics, "leveret_oldest_message_seconds") < 70
    metrics.oldest = lambda: int(time.time()) + 60
    assert value(metrics, "leveret_oldest_message_seconds") == 0
