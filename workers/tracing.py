"""Spans for what a worker processes and publishes, where LEVERET_TRACING is on.

Nothing else imports this module, and it is imported only when it is wanted: what is off costs
nothing. The context travels as W3C `traceparent` in the AMQP headers. What arrives is the parent of
the `process` span; answers, retry copies and dead letters are `send` spans below that, and carry
their own context on. So a retry hangs below the attempt before it and a replay below the attempt
that failed, in the trace of whoever asked first. Providers and exporters are the program's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from workers import headers as h
from workers.outcome import Answer, Batched, DeadLettered, End, Expired, Replied, Requeued, Retried
from workers.publication import Publication, Published

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

    from workers.around.limits import TimeLimit
    from workers.outcome import Delivery, Outcome
    from workers.runners import Handle
    from workers.settling.ports import Broker

#: Named in every span, so that a backend tells who made it.
SCOPE: Final = "leveret"
#: Characters of a header that is read: a traceparent has 55, a tracestate at most 512.
LONGEST: Final = 512
#: What spans call the exchange without a name.
DEFAULT_EXCHANGE: Final = "amq.default"

_W3C: Final = TraceContextTextMapPropagator()
_ENDS: Final = {
    Replied: "replied",
    Retried: "retried",
    DeadLettered: "dead_lettered",
    Expired: "expired",
    Requeued: "requeued",
    Batched: "batch",
}


class Tracing:
    """Stands around `handle` and `settle` of one worker."""

    def __init__(self, handle: Handle, version: str) -> None:
        self._handle = handle
        self._tracer = trace.get_tracer(SCOPE, version)
        #: Contexts of what is handled and not yet being settled, by session and tag.
        self._contexts: dict[tuple[int, int], dict[str, str]] = {}

    async def handle(self, delivery: Delivery, limit: TimeLimit) -> Outcome:
        """Return what becomes of a delivery, decided inside a span that processors see."""
        parent = extracted(delivery.properties.headers)
        before = trace.get_current_span(parent).get_span_context()
        again = delivery.properties.headers.keys() & {h.ATTEMPTS, h.REPLAYS, h.STARTS}
        with self._tracer.start_as_current_span(
            f"process {delivery.queue}",
            context=parent,
            kind=SpanKind.CONSUMER,
            links=[Link(before)] if again and before.is_valid else (),
            attributes=_of_delivery(delivery),
        ) as span:
            outcome = await self._handle(delivery, limit)
            _tell(span, outcome)
            self._contexts[delivery.session, delivery.tag] = injected(span)
        return outcome

    def around(
        self, settle: Callable[[Delivery, Outcome, float], None]
    ) -> Callable[[Delivery, Outcome, float], None]:
        """Return `settle` for what carries on the context it was processed in."""

        def settling(delivery: Delivery, outcome: Outcome, seconds: float) -> None:
            carried = self._contexts.pop((delivery.session, delivery.tag), None)
            if carried is not None:
                delivery = _marked(delivery, carried)
                outcome = _carrying(outcome, carried)
            settle(delivery, outcome, seconds)

        return settling

    def trace_of(self, delivery: Delivery) -> str:
        """Return the id of the trace a delivery was processed in; empty where none is kept."""
        span = trace.get_current_span(extracted(delivery.properties.headers))
        context = span.get_span_context()
        return trace.format_trace_id(context.trace_id) if context.trace_flags.sampled else ""

    def broker(self, broker: Broker) -> TracedBroker:
        """Return the broker with a span for each publication."""
        return TracedBroker(broker, self._tracer)


class TracedBroker:
    """A broker for settling that makes a span of each publication, until its fate is known."""

    def __init__(self, broker: Broker, tracer: Tracer) -> None:
        self._broker = broker
        self._tracer = tracer
        self.ack = broker.ack
        self.requeue = broker.requeue
        self.is_current = broker.is_current
        self.later = broker.later

    def publish(
        self,
        message: Publication | Answer,
        done: Callable[[Published], None],
        *,
        wanted: Callable[[], bool],
    ) -> None:
        """Send a message with the context of its own span, and call `done` with its fate."""
        span = self._tracer.start_span(
            f"send {message.exchange or DEFAULT_EXCHANGE}",
            context=extracted(message.headers),
            kind=SpanKind.PRODUCER,
            attributes=_of_message(message),
        )

        def ended(fate: Published) -> None:
            if fate is not Published.CONFIRMED:
                span.set_attribute("error.type", fate.value)
                span.set_status(Status(StatusCode.ERROR, fate.value))
            span.end()
            done(fate)

        carried = message._replace(headers={**message.headers, **injected(span)})
        self._broker.publish(carried, ended, wanted=wanted)


def extracted(headers: Mapping[str, object]) -> Context:
    """Return the context that headers carry; whatever a sender wrote there, nothing is raised."""
    told = {
        name: value
        for name in _W3C.fields
        if isinstance(value := headers.get(name), str) and len(value) <= LONGEST
    }
    return _W3C.extract(told, context=trace.set_span_in_context(trace.INVALID_SPAN))


def injected(span: Span) -> dict[str, str]:
    """Return the headers that carry a span's context."""
    told: dict[str, str] = {}
    _W3C.inject(told, context=trace.set_span_in_context(span))
    return told


def _marked(delivery: Delivery, carried: Mapping[str, str]) -> Delivery:
    """Return the delivery as one that came with this context: its copies will carry it on."""
    properties = delivery.properties
    # In front, so that a sender's own headers cannot crowd it out of a copy.
    others = {name: value for name, value in properties.headers.items() if name not in _W3C.fields}
    return delivery._replace(properties=properties._replace(headers={**carried, **others}))


def _carrying(outcome: Outcome, carried: Mapping[str, str]) -> Outcome:
    """Return the outcome with its answers carrying this context."""
    match outcome:
        case Replied(answer=Answer() as answer) | Expired(answer=Answer() as answer):
            return outcome._replace(answer=answer._replace(headers=carried))
        case DeadLettered(answer=Answer() as answer):
            return outcome._replace(answer=answer._replace(headers=carried))
        case Batched(ends=ends, answer=answer, rest=rest, answers=answers):
            return outcome._replace(
                ends=tuple(End(_marked(one, carried), end) for one, end in ends),
                answer=None if answer is None else answer._replace(headers=carried),
                rest=None
                if rest is None
                else rest._replace(delivery=_marked(rest.delivery, carried)),
                answers=tuple(one._replace(headers=carried) for one in answers),
            )
        case _:
            return outcome


def _tell(span: Span, outcome: Outcome) -> None:
    """Write onto the span what became of the message."""
    subject = outcome.subject
    span.set_attribute("leveret.outcome", _ENDS[type(outcome)])
    span.set_attribute("leveret.message_type", subject.message_type)
    span.set_attribute("leveret.task_type", subject.task_type)
    if subject.envelope_id is not None:
        span.set_attribute("leveret.envelope_id", str(subject.envelope_id))
    if isinstance(outcome, DeadLettered | Expired):
        span.set_attribute("leveret.letter_id", outcome.letter_id)
    if isinstance(outcome, DeadLettered | Expired | Retried):
        code = outcome.failure.code.value
        span.set_attribute("error.type", code)
        span.set_status(Status(StatusCode.ERROR, code))


def _of_delivery(delivery: Delivery) -> dict[str, Any]:
    properties = delivery.properties
    attempts = properties.headers.get(h.ATTEMPTS)
    return _told(
        {
            "messaging.system": "rabbitmq",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": delivery.queue,
            "messaging.rabbitmq.message.delivery_tag": delivery.tag,
            "messaging.message.id": properties.message_id,
            "messaging.message.conversation_id": properties.correlation_id,
            "messaging.message.body.size": len(delivery.body),
            "leveret.attempt": attempts + 1 if isinstance(attempts, int) else 1,
            "leveret.replay_of": properties.headers.get(h.REPLAY_OF),
        }
    )


def _of_message(message: Publication | Answer) -> dict[str, Any]:
    return _told(
        {
            "messaging.system": "rabbitmq",
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
            "messaging.destination.name": message.exchange or DEFAULT_EXCHANGE,
            "messaging.rabbitmq.destination.routing_key": message.routing_key,
            "messaging.message.conversation_id": message.correlation_id,
            "messaging.message.body.size": len(message.body),
        }
    )


def _told(pairs: Mapping[str, object]) -> dict[str, Any]:
    """Return what has a value, texts cut: some of it a sender wrote."""
    return {
        name: value[:LONGEST] if isinstance(value, str) else value
        for name, value in pairs.items()
        if isinstance(value, str | int)
    }
