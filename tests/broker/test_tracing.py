"""Spans of a real worker: one trace from the asker to the answer, through retries and a replay."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest
from broker.command import leveret
from broker.worker import NAMES, Asking, eventually, serving
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, format_span_id, format_trace_id
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from messages import ProtocolModel
from workers import Context, Registry, Reject
from workers.metrics.exposition import page

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
ASKER: Final = "00f067aa0ba902b7"
#: What a span calls the routing key of a publication.
TO: Final = "messaging.rabbitmq.destination.routing_key"
ASKED: Final = {"traceparent": f"00-{TRACE}-{ASKER}-01", "tracestate": "shop=1"}


class Words(ProtocolModel):
    """Parameters of every task here."""

    failures: int = 0


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    """Return where the spans of this process end; OpenTelemetry sets a provider once."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    """Return the same, empty."""
    exporter.clear()
    return exporter


@pytest.fixture
def registry() -> Registry:
    """Return processors that answer, fail for a while, and refuse the first time."""
    registry = Registry()
    refused: list[bool] = []

    @registry.task("flaky", parameters=Words)
    async def flaky(words: Words, context: Context) -> Words:
        with trace.get_tracer("mine").start_as_current_span("inner"):
            if context.attempt <= words.failures:
                raise ConnectionError("try again")
        return words

    @registry.task("once", parameters=Words)
    async def once(words: Words, _context: Context) -> Words:
        if not refused:
            refused.append(True)
            raise Reject("not the first time")
        return words

    return registry


def identity(span: ReadableSpan) -> str:
    """Return a span's id as it travels."""
    assert span.context is not None
    return format_span_id(span.context.span_id)


def above(span: ReadableSpan) -> str | None:
    """Return the id of a span's parent."""
    return None if span.parent is None else format_span_id(span.parent.span_id)


def of(spans: InMemorySpanExporter, kind: SpanKind) -> list[ReadableSpan]:
    """Return the finished spans of a kind, in the order they began; all are the asker's trace."""
    found = [span for span in spans.get_finished_spans() if span.kind is kind]
    assert {format_trace_id(span.context.trace_id) for span in found if span.context} <= {
        int.__format__(int(TRACE, 16), "032x")
    }
    return sorted(found, key=lambda span: span.start_time or 0)


async def test_an_answer_and_each_retry_hang_in_the_askers_trace(
    amqp_url: str, registry: Registry, spans: InMemorySpanExporter
) -> None:
    """Asker → process → send (retry) → process → send (answer), whose context the answer has."""
    async with serving(amqp_url, registry, tracing=True), Asking(amqp_url) as asking:
        task = asking.task("flaky", parameters={"failures": 1})._replace(headers=ASKED)
        told = await asking.publish(task)
        await eventually(lambda: asking.answers[told])
        await eventually(lambda: len(of(spans, SpanKind.PRODUCER)) == 2)
    first, second = of(spans, SpanKind.CONSUMER)
    retried, answered = of(spans, SpanKind.PRODUCER)
    assert [above(first), above(retried), above(second), above(answered)] == [
        ASKER,
        identity(first),
        identity(retried),
        identity(second),
    ]
    assert [format_span_id(link.context.span_id) for link in second.links] == [identity(retried)]
    inner = [span for span in spans.get_finished_spans() if span.name == "inner"]
    assert [above(span) for span in inner] == [identity(first), identity(second)]
    carried = asking.answers[told][0].properties.headers
    assert carried["traceparent"] == f"00-{TRACE}-{identity(answered)}-01"
    assert carried["tracestate"] == "shop=1"
    assert first.name == f"process {NAMES.work('default')}"
    assert first.attributes is not None
    assert first.attributes["messaging.system"] == "rabbitmq"
    assert first.attributes["messaging.operation.type"] == "process"
    assert first.attributes["error.type"] == "processing_failed"
    assert second.attributes is not None
    assert second.attributes["leveret.outcome"] == "replied"
    assert second.attributes["leveret.attempt"] == 2
    assert answered.name == f"send {NAMES.replies}"


async def test_a_replay_hangs_below_the_attempt_that_failed(
    amqp_url: str, registry: Registry, spans: InMemorySpanExporter
) -> None:
    """The dead letter keeps the context, and what an operator sends again goes on in it."""
    async with serving(amqp_url, registry, tracing=True), Asking(amqp_url) as asking:
        letter = await asking.letter(asking.task("once")._replace(headers=ASKED))
        told = letter.properties.correlation_id or ""
        await eventually(lambda: len(asking.answers[told]) == 1)
        replay = ("dlq", "replay", "--all", "--yes", "--anyway", "--no-canary", "--why", "again")
        assert (await leveret(*replay, url=amqp_url)).code == 0
        await eventually(lambda: len(asking.answers[told]) == 2)
        await eventually(lambda: len(of(spans, SpanKind.CONSUMER)) == 2)
    sent = of(spans, SpanKind.PRODUCER)
    noted = next(span for span in sent if span.name == f"send {NAMES.dead}")
    assert letter.properties.headers["traceparent"] == f"00-{TRACE}-{identity(noted)}-01"
    open_work = NAMES.dead_queue("default")
    dead = next(span for span in sent if (span.attributes or {}).get(TO) == open_work)
    second = of(spans, SpanKind.CONSUMER)[1]
    assert above(second) == identity(dead)
    assert [format_span_id(link.context.span_id) for link in second.links] == [identity(dead)]


@pytest.mark.parametrize(
    "told", ["", "00-zz", "x" * 10_000, f"00-{'0' * 32}-{'0' * 16}-01", 7, None]
)
async def test_whatever_a_sender_writes_as_its_context_costs_nothing(
    amqp_url: str, registry: Registry, spans: InMemorySpanExporter, told: object
) -> None:
    """A context that is none begins a trace of its own; the message is answered all the same."""
    async with serving(amqp_url, registry, tracing=True), Asking(amqp_url) as asking:
        task = asking.task("flaky")._replace(headers={"traceparent": told})
        answer = await asking.answer(task)
    assert answer["response"]["status"] == "completed"
    processed = [s for s in spans.get_finished_spans() if s.kind is SpanKind.CONSUMER]
    assert [above(span) for span in processed] == [None]


async def test_a_slow_bucket_leads_to_a_trace(
    amqp_url: str, registry: Registry, spans: InMemorySpanExporter
) -> None:
    """OpenMetrics tells, beside how long it took, one trace that took so long."""
    async with (
        serving(amqp_url, registry, tracing=True) as (_, metrics),
        Asking(amqp_url) as asking,
    ):
        await asking.answer(asking.task("flaky")._replace(headers=ASKED))
        await eventually(lambda: metrics.in_flight == 0)
        told = page(metrics.registry, "application/openmetrics-text")[0].decode()
    examples = [
        sample.exemplar.labels
        for family in text_string_to_metric_families(told)
        for sample in family.samples
        if sample.exemplar is not None
    ]
    assert examples == [{"trace_id": TRACE}]


async def test_off_nothing_is_written(
    amqp_url: str, registry: Registry, spans: InMemorySpanExporter
) -> None:
    """Without the setting there are no spans, and answers have no headers."""
    async with serving(amqp_url, registry), Asking(amqp_url) as asking:
        told = await asking.publish(asking.task("flaky")._replace(headers=ASKED))
        await eventually(lambda: asking.answers[told])
    assert not [s for s in spans.get_finished_spans() if s.kind is not SpanKind.INTERNAL]
    assert not asking.answers[told][0].properties.headers


def test_off_nothing_is_imported() -> None:
    """A worker that does not trace never loads OpenTelemetry."""
    code = (
        "import sys, workers.service, workers.cli.run;"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
