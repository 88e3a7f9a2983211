"""Delivery → outcome: the whole decision about a message, without touching the broker.

    inspect → decode → asker → in time? → resolve → attempt (check → process → reply)

Each step returns what the next one needs or raises InvalidMessage. What is valid goes on to
`attempt`, where the processor is called.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from messages import ErrorCode, InvalidMessage, decode_parameters
from messages.batching import BATCH, part
from messages.json_rpc import Reader, decode_call, is_json_rpc, read_call, split_batch
from messages.parameters import prepare
from messages.payload import type_name
from workers import headers
from workers.answering.answers import Answers
from workers.answering.asking import NOBODY, asker, salvaged_asker
from workers.answering.calls import caller, mark_of, unread
from workers.attempt import Attempts
from workers.batches.calls import BatchRun, Most
from workers.batches.parting import log_figures, together
from workers.crashes.suspects import CrashGuard, Suspects
from workers.endings import Endings
from workers.inspection import inspect
from workers.lanes import decoder
from workers.outcome import UNREGISTERED, End, Failure, Subject, made
from workers.recovery import raised
from workers.refusals import UNKNOWN, Refusals
from workers.request import PARAMETERS, Request, task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from messages import Envelope, TaskRequest, ValidationContext
    from messages.batching import Parted
    from workers.answering.asking import Answerable, Asker
    from workers.around.limits import TimeLimit
    from workers.outcome import Answer, Delivery, Outcome, Properties
    from workers.registry import Registry, Route
    from workers.request import Policy

#: Seconds two machines' clocks may differ by before a ttl is believed to have passed.
CLOCK_SKEW: Final = 2.0
#: The time as every worker knows it, by one call less than a function of ours would take.
NOW: Final = partial(datetime.now, UTC)


class _TooLate(Exception):
    """Nobody waits for it any more."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Unread(Exception):
    """A validator, or what it asked, raised what says nothing about the message."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(type(error).__name__)
        self.error = error


class Pipeline:
    """Handles deliveries, any number at once."""

    def __init__(
        self,
        registry: Registry,
        policy: Policy,
        *,
        guard: CrashGuard | None = None,
        now: Callable[[], datetime] = NOW,
    ) -> None:
        self._registry = registry
        self._policy = policy
        self._now = now
        self._catalog = registry.catalog()
        for route in registry.routes:
            if route.parameters is not None:
                prepare(route.parameters)
        self._lane = decoder(policy.lane, self._catalog)
        self._answers = Answers(
            policy.source,
            replies=policy.answerable.names.replies,
            most=policy.max_answer_bytes,
            now=now,
        )
        self._endings = Endings(policy, self._answers, now)
        self._refusals = Refusals(registry, self._catalog, self._endings)
        guard = guard or CrashGuard()
        self._suspects = Suspects(guard, self._endings)
        self.attempts = Attempts(registry, self._endings, self._answers, guard.solitude, now)
        self._known = registry.known

    def listen(self, heard: Callable[[BaseException], None]) -> None:
        """Tell somebody of whatever user code raises, as it was raised."""
        self._endings.heard = heard

    @property
    def dropped_fields(self) -> int:
        """How many fields of newer minor versions of the protocol were dropped so far."""
        return self._catalog.dropped

    def handle(self, delivery: Delivery, limit: TimeLimit) -> Coroutine[Any, Any, Outcome]:
        """Return what becomes of a delivery, once awaited; that raises nothing."""
        request = self._begin(delivery)
        if delivery.redelivered or request.past.starts:
            facts = partial(self._facts, request)
            return self._suspects.handle(request, facts, self._handle(request, limit), limit)
        return self._handle(request, limit)

    async def _handle(self, request: Request, limit: TimeLimit) -> Outcome:
        try:
            calls = self._open(request)
        except InvalidMessage as invalid:
            request.call = unread(request.delivery)
            return self._refusals.refused(request, invalid)
        if calls is not None:
            most = Most(self._policy.max_body_bytes, self._policy.max_answer_bytes)
            run = BatchRun(request, calls, partial(self._batch_answer, request), most=most)
            return await run.run(self._attempt, limit)
        return await self._attempt(request, limit)

    async def _attempt(self, request: Request, limit: TimeLimit) -> Outcome:
        """Return what becomes of one message; raises nothing."""
        try:
            route, argument = self._admit(request)
            return await self.attempts.outcome(request, route, argument, limit)
        except _TooLate as late:
            return self._endings.expired(request, late.reason)
        except _Unread as unread:
            return self._refusals.failed(request, unread.error)
        except InvalidMessage as invalid:
            parted = self._parted(request, invalid)
            if parted is None:
                return self._refusals.refused(request, invalid)
            return await self._some(
                self._refusals.salvaged(request, invalid.salvage), parted, limit
            )

    async def _some(self, request: Request, parted: Parted, limit: TimeLimit) -> Outcome:
        """Do what is valid of a batch message; each invalid one gets its own end, and answer."""
        log_figures(parted.figures, request)
        whole = request.delivery
        rest = whole._replace(body=parted.body)
        outcome = await self._attempt(request.but(delivery=rest, asker=NOBODY), limit)
        ends, answers = [], []
        for one in parted.apart:
            alone = request.but(delivery=whole._replace(body=one.body))
            dead, answer = self._endings.apart(alone, one)
            ends.append(End(alone.delivery, dead))
            answers += [] if answer is None else [answer]
        return together(rest, outcome, ends, answers)

    def _facts(self, request: Request) -> Request:
        """Return all that can be told about a message whose work is not to be done."""
        with suppress(InvalidMessage, _TooLate, _Unread):
            if self._open(request) is None:
                self._admit(request)
        return self._refusals.salvaged(request, None)

    def foresee(self, delivery: Delivery) -> Failure | None:
        """Return why this worker would not even begin with a delivery, or None; runs nothing."""
        request = self._begin(delivery)
        try:
            calls = self._open(request)
            for call in calls or ():
                self._admit(request.but(call=read_call(call)))
            if calls is None:
                self._admit(request)
        except _TooLate as late:
            return Failure(ErrorCode.EXPIRED, late.reason, retryable=True)
        except _Unread as unread:
            return raised("a validator, or what it asked,", unread.error)
        except InvalidMessage as refused:
            invalid = self._refusals.told(request, refused)
            return Failure(invalid.code, invalid.reason, invalid.errors, invalid.error_count)
        return None

    # -- steps --

    def _parted(self, request: Request, invalid: InvalidMessage) -> Parted | None:
        """Return a batch message told apart, where it was refused for some of its messages."""
        known = invalid.salvage
        if request.call is not None or known is None or known.message_type != BATCH:
            return None
        return part(request.delivery.body, perf_counter)

    def _begin(self, delivery: Delivery) -> Request:
        policy = self._policy
        past = headers.past(delivery, policy.user, policy.operators)
        return Request(delivery, past, UNKNOWN, NOBODY)

    def _open(self, request: Request) -> tuple[bytes, ...] | None:
        """Find out the form a message has; returns the calls of a batch, None for one message.

        Raises InvalidMessage for what must not be parsed.
        """
        delivery = request.delivery
        inspect(
            delivery,
            max_body_bytes=self._policy.max_body_bytes,
            ours=request.past is not headers.NOTHING_BEFORE,
        )
        if not is_json_rpc(delivery.properties.content_type, delivery.body):
            return None
        calls = split_batch(delivery.body)
        if calls is None:
            request.call = read_call(delivery.body)
        return calls

    def _admit(self, request: Request) -> tuple[Route, Any]:
        """Return all that processing needs; raises InvalidMessage, _TooLate or _Unread.

        It runs no processor.
        """
        try:
            return self._admitted(request)
        except (InvalidMessage, _TooLate):
            raise
        except BaseException as error:  # a validator's author may have thought of anything
            raise _Unread(error) from error

    def _admitted(self, request: Request) -> tuple[Route, Any]:
        now = self._now()
        context = self._policy.security.context(request, self._known, now)
        request.envelope = envelope = self._decode(request, context)
        task = task_of(envelope)
        request.deadline = None if task is None else task.deadline
        route = self._registry.route(envelope.message_type, "" if task is None else task.task_type)
        request.subject = _subject(envelope, task, route)
        request.asker = self._asker(request, envelope)
        self._refuse_late(request, envelope, now)
        if route is None:
            raise self._refusals.nobody(envelope, task)
        if task is None or route.parameters is None:
            return route, envelope.payload
        parameters = decode_parameters(
            route.parameters, task.parameters, prefix=PARAMETERS, context=context
        )
        return route, parameters

    def _decode(self, request: Request, context: ValidationContext) -> Envelope:
        if request.call is None:
            return self._lane(request.delivery.body, context)
        decode = partial(self._catalog.decode, context=context)
        reader = Reader(self._catalog, decode, mark_of(request))
        return decode_call(request.call, reader)

    def _asker(self, request: Request, envelope: Envelope) -> Asker:
        properties = request.delivery.properties
        who = asker(envelope, properties, self._answerable(request))
        return who if request.call is None else caller(request.call, who, properties)

    def _answerable(self, request: Request) -> Answerable:
        answerable = self._policy.answerable
        return answerable.of(request.sender) if answerable.personal else answerable

    def _batch_answer(self, request: Request, properties: Properties, body: bytes) -> Answer | None:
        asked = salvaged_asker(None, properties, self._answerable(request))
        return self._answers.batch(asked, body)

    def _refuse_late(self, request: Request, envelope: Envelope, now: datetime) -> None:
        """Raise _TooLate where nobody waits for the message any more.

        A retry has begun long ago, what was held back came in time, and a replay is an operator's
        wish: no copy of ours has a ttl left.
        """
        if request.deadline is not None and now >= request.deadline:
            raise _TooLate("its deadline passed before the work began")
        if not self._policy.ttl or request.past.is_copy:
            return
        if "timestamp" in envelope.__pydantic_fields_set__:
            age = (now - envelope.timestamp).total_seconds()
        elif request.delivery.properties.timestamp is not None:
            age = now.timestamp() - request.delivery.properties.timestamp
        else:
            return
        if age > envelope.ttl + CLOCK_SKEW:
            raise _TooLate(f"its ttl of {envelope.ttl} s passed before the work began")


def _subject(envelope: Envelope, task: TaskRequest | None, route: Route | None) -> Subject:
    # A type nobody registered is the sender's word, and no label for a metric.
    task_type, asked = "" if task is None else task.task_type, ""
    if task is not None and route is None:
        task_type, asked = UNREGISTERED, type_name(task_type)
    return made(
        Subject,
        (
            envelope.message_type,
            task_type,
            envelope.envelope_id,
            envelope.correlation_id,
            envelope.source_agent.agent_id,
            asked,
        ),
    )
