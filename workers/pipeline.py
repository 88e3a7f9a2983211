"""Delivery → outcome: the whole decision about a message, without touching the broker.

    inspect → decode → asker → in time? → resolve → process → reply

Each step returns what the next one needs or raises InvalidMessage. Whatever a processor raises ends
here, in the one blind `except` of the code base, as a retry or a dead letter.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

from messages import ErrorCode, InvalidMessage, Salvage, TaskRequestPayload, decode_parameters
from workers import headers
from workers.answers import Answers
from workers.asking import NOBODY, Answerable, Asker, asker, salvaged_asker
from workers.context import Context
from workers.inspection import inspect
from workers.limits import Gate
from workers.outcome import (
    Answer,
    Attempt,
    DeadLettered,
    Expired,
    Failure,
    Replied,
    Requeued,
    Retried,
    Subject,
)
from workers.recovery import Again, Failed, GiveUp, Ladder, attempt_of, failure_of, recover
from workers.verdicts import Reject, Retry

if TYPE_CHECKING:
    from collections.abc import Callable

    from messages import AgentMetadata, Envelope
    from workers.limits import TimeLimit
    from workers.outcome import Delivery, Outcome
    from workers.registry import Registry, Route

log = logging.getLogger("leveret.pipeline")

#: Two machines' clocks may differ by this much before a ttl is believed to have passed.
CLOCK_SKEW: Final = timedelta(seconds=2)
#: Where a task's parameters stand in the envelope, for the paths of error messages.
PARAMETERS: Final = ("payload", "request", "parameters")
_TASK: Final = TaskRequestPayload.message_type_name()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the settings say about every message of this worker."""

    source: AgentMetadata
    #: The broker user our own copies carry.
    user: str
    answerable: Answerable
    ladder: Ladder
    max_body_bytes: int
    #: Seconds an attempt may take where its processor names no limit.
    time_limit: float
    #: Whether a message older than its ttl is expired.
    ttl: bool = True


class _Request(NamedTuple):
    """One delivery on its way through the pipeline, and what is known of it so far."""

    delivery: Delivery
    past: headers.Past
    subject: Subject
    asker: Asker
    envelope: Envelope | None = None

    @property
    def attempt(self) -> int:
        return self.past.attempts + 1


class Pipeline:
    """Handles deliveries, any number at once."""

    def __init__(
        self,
        registry: Registry,
        policy: Policy,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._registry = registry
        self._policy = policy
        self._now = now
        self._catalog = registry.catalog()
        self._answers = Answers(policy.source, replies=policy.answerable.names.replies, now=now)
        self._gates = {
            route: Gate(route.limits)
            for route in registry.routes
            if route.limits.concurrency or route.limits.rate
        }

    async def handle(self, delivery: Delivery, limit: TimeLimit) -> Outcome:
        """Return what becomes of a delivery; raises nothing."""
        past = headers.past(delivery, self._policy.user)
        request = _Request(delivery, past, Subject(), NOBODY)
        try:
            inspect(
                delivery,
                max_body_bytes=self._policy.max_body_bytes,
                ours=past is not headers.NOTHING_BEFORE,
            )
            envelope = self._catalog.decode(delivery.body)
            request = request._replace(subject=self._subject(envelope), envelope=envelope)
            who = asker(envelope, delivery.properties, self._policy.answerable)
            request = request._replace(asker=who)
            late = self._late(request, envelope)
            if late is not None:
                return self._expired(request, late)
            route, argument = self._resolve(envelope)
        except InvalidMessage as invalid:
            return self._refused(self._salvaged(request, invalid.salvage), invalid)
        try:
            result = await self._process(request, route, argument, limit)
            return Replied(request.subject, self._answers.result(envelope, request.asker, result))
        except Reject as verdict:
            return self._rejected(request, verdict)
        except InvalidMessage as invalid:
            return self._refused(request, invalid)
        except asyncio.CancelledError:
            if limit.leaving:
                return Requeued(request.subject, "the worker is leaving")
            return self._failed(request, route, self._overrun(limit))
        except Exception as error:  # noqa: BLE001 - the one blind except: whatever a processor raises is an outcome
            return self._failed(request, route, self._raised(request, error), error)

    # -- steps --

    def _subject(self, envelope: Envelope) -> Subject:
        message_type = envelope.message_type
        task_type = ""
        if message_type == _TASK:
            asked = envelope.payload.request.task_type  # type: ignore[attr-defined] # the discriminator says so
            task_type = asked if self._registry.route(_TASK, asked) else "unknown"
        return Subject(
            message_type,
            task_type,
            str(envelope.envelope_id),
            None if envelope.correlation_id is None else str(envelope.correlation_id),
            envelope.source_agent.agent_id,
        )

    def _late(self, request: _Request, envelope: Envelope) -> str | None:
        """Return why it is too late to begin, or None.

        A retry has begun long ago, and a replay is an operator's wish: neither has a ttl left.
        """
        now = self._now()
        deadline = _deadline(envelope)
        if deadline is not None and now >= deadline:
            return "its deadline passed before the work began"
        if not self._policy.ttl or request.past.attempts or request.past.replays:
            return None
        sent: datetime | None = None
        if "timestamp" in envelope.model_fields_set:
            sent = envelope.timestamp
        elif request.delivery.properties.timestamp is not None:
            sent = datetime.fromtimestamp(request.delivery.properties.timestamp, UTC)
        if sent is not None and now - sent > timedelta(seconds=envelope.ttl) + CLOCK_SKEW:
            return f"its ttl of {envelope.ttl} s passed before the work began"
        return None

    def _resolve(self, envelope: Envelope) -> tuple[Route, Any]:
        """Return the route and what its processor is given."""
        if envelope.message_type != _TASK:
            route = self._registry.route(envelope.message_type)
            if route is None:
                raise InvalidMessage(
                    ErrorCode.UNKNOWN_MESSAGE_TYPE,
                    f"no processor is registered here for message type {envelope.message_type}",
                )
            return route, envelope.payload
        task = envelope.payload.request  # type: ignore[attr-defined] # the discriminator says so
        route = self._registry.route(_TASK, task.task_type)
        if route is None or route.parameters is None:
            raise InvalidMessage(
                ErrorCode.UNKNOWN_TASK_TYPE,
                "no processor is registered here for that task_type; registered are: "
                + ", ".join(self._registry.task_types[:20]),
            )
        return route, decode_parameters(route.parameters, task.parameters, prefix=PARAMETERS)

    async def _process(
        self,
        request: _Request,
        route: Route,
        argument: object,
        limit: TimeLimit,
    ) -> object:
        envelope = request.envelope
        assert envelope is not None  # noqa: S101 - resolved from it
        deadline = _deadline(envelope)
        context = Context(
            envelope,
            request.delivery,
            attempt=request.attempt,
            deadline=deadline,
            now=self._now,
            worker=self._policy.source.agent_id,
        )
        gate = self._gates.get(route)
        if gate is None:
            limit.start(self._seconds(route, deadline))
            try:
                return await route.process(argument, context)
            finally:
                limit.stop()
        async with gate.enter():
            limit.start(self._seconds(route, deadline))
            try:
                return await route.process(argument, context)
            finally:
                limit.stop()

    def _seconds(self, route: Route, deadline: datetime | None) -> float:
        own = route.limits.time_limit or self._policy.time_limit
        left = inf if deadline is None else (deadline - self._now()).total_seconds()
        return max(0.0, min(own, left))

    # -- ends --

    def _failed(
        self,
        request: _Request,
        route: Route,
        failure: Failure,
        error: Exception | None = None,
    ) -> Outcome:
        """Return the retry or the dead letter a failed attempt ends in."""
        envelope = request.envelope
        now = self._now()
        retries = route.limits.retries
        verdict = recover(
            Failed(
                attempt=request.attempt,
                now=now,
                failure=failure,
                retries=len(self._policy.ladder.delays) if retries is None else retries,
                deadline=None if envelope is None else _deadline(envelope),
                after=error.after if isinstance(error, Retry) else None,
            ),
            self._policy.ladder,
        )
        match verdict:
            case Again(delay, why):
                return Retried(
                    request.subject,
                    why,
                    delay,
                    request.attempt,
                    self._history(request, why, now),
                )
            case GiveUp(why):
                return self._dead(request, why)

    def _rejected(self, request: _Request, verdict: Reject) -> DeadLettered:
        return self._dead(request, Failure(ErrorCode.REJECTED, verdict.reason, exception="Reject"))

    def _refused(self, request: _Request, invalid: InvalidMessage) -> DeadLettered:
        failure = Failure(invalid.code, invalid.reason, invalid.errors, invalid.error_count)
        return self._dead(request, failure)

    def _dead(self, request: _Request, failure: Failure) -> DeadLettered:
        letter_id = str(uuid4())
        return DeadLettered(
            request.subject,
            failure,
            letter_id,
            request.attempt,
            self._history(request, failure, self._now()),
            self._error(request, failure, letter_id),
        )

    def _expired(self, request: _Request, reason: str) -> Expired:
        letter_id = str(uuid4())
        failure = Failure(ErrorCode.EXPIRED, reason, retryable=True)
        # What the asker sees is a timeout; what the operator sees is when it happened.
        answered = failure._replace(code=ErrorCode.TIMEOUT)
        return Expired(
            request.subject,
            failure,
            letter_id,
            request.attempt,
            self._history(request, failure, self._now()),
            self._error(request, answered, letter_id),
        )

    def _error(self, request: _Request, failure: Failure, letter_id: str) -> Answer | None:
        return self._answers.error(
            request.envelope,
            request.asker,
            failure,
            letter_id=letter_id,
            attempts=request.attempt,
        )

    def _history(self, request: _Request, failure: Failure, now: datetime) -> tuple[Attempt, ...]:
        tried = attempt_of(
            failure,
            attempt=request.attempt,
            now=now,
            worker=self._policy.source.agent_id,
        )
        return (*request.past.history, tried)

    def _salvaged(self, request: _Request, salvage: Salvage | None) -> _Request:
        """Return the request with what a refused message still tells about its asker."""
        if request.asker is not NOBODY:
            return request
        properties = request.delivery.properties
        envelope = request.envelope
        if envelope is not None:
            salvage = Salvage(
                envelope.envelope_id,
                envelope.correlation_id,
                envelope.reply_to,
                envelope.source_agent.agent_id,
            )
        who = salvaged_asker(salvage, properties, self._policy.answerable)
        return request._replace(asker=who)

    def _overrun(self, limit: TimeLimit) -> Failure:
        if limit.passed:
            return Failure(
                ErrorCode.TIMEOUT,
                "the processor ran past its time limit",
                retryable=True,
                exception="TimeoutError",
            )
        return failure_of(asyncio.CancelledError())

    def _raised(self, request: _Request, error: Exception) -> Failure:
        failure = failure_of(error)
        if not isinstance(error, Retry):
            ids = {"envelope_id": request.subject.envelope_id}
            log.warning("%s on attempt %d", failure.reason, request.attempt, extra=ids)
            # The exception's own text may quote the body, so it is for debugging only.
            log.debug("traceback", exc_info=error, extra=ids)
        return failure


def _deadline(envelope: Envelope) -> datetime | None:
    if envelope.message_type != _TASK:
        return None
    deadline: datetime | None = envelope.payload.request.deadline  # type: ignore[attr-defined] # the discriminator says so
    return deadline
