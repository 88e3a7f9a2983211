"""Runs a registry without a broker: message in, outcome out, exactly as a worker would decide it.

rehearsal = Rehearsal(registry)
outcome = await rehearsal.task("train_model", {"epochs": 3})
assert outcome.answer is not None

What a processor raises makes an outcome without an answer: a `Retried`. Whoever asks that for its
answer is told what was raised, with its traceback.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Any, Final, NoReturn

import orjson

from messages import (
    AgentMetadata,
    AgentRole,
    Envelope,
    Payload,
    TaskRequest,
    TaskRequestPayload,
    encode,
)
from topology import Delay, Names
from workers.answering.asking import Answerable
from workers.around.limits import TimeLimit
from workers.inbox.once import Once
from workers.lanes import Lane
from workers.outcome import Delivery, Properties, Retried
from workers.pipeline import Pipeline
from workers.recovery import Ladder
from workers.request import Policy
from workers.security import Security

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from workers.inbox.port import Inbox
    from workers.outcome import Answer, Outcome
    from workers.registry import Registry

#: Where rehearsed requests want their answers; nothing is ever sent there.
MAILBOX: Final = "agent://rehearsal/answers"
#: The broker user a rehearsed worker has.
USER: Final = "rehearsal"


def agent(agent_id: str = "rehearsal") -> AgentMetadata:
    """Return an agent that may ask and work."""
    return AgentMetadata(
        agent_id=agent_id,
        role=AgentRole.WORKER,
        capabilities=("task_execution",),
        load_factor=0.0,
    )


class Rehearsal:
    """A worker's whole decision, with a clock of yours and no broker.

    A processor registered with `executor="process"` runs here like any other, so that it can be
    looked into; nothing then stops it at its time limit before it awaits.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        time_limit: float = 60.0,
        retry_delays: tuple[str, ...] = ("1s", "10s", "60s", "10m"),
        reply_to_allow: tuple[str, ...] = ("*",),
        max_body_bytes: int = 1 << 20,
        max_answer_bytes: int = 1 << 24,
        security: Security = Security(),  # noqa: B008 - it is frozen
        lane: Lane = Lane(),  # noqa: B008 - it is frozen
        inbox: Inbox | None = None,
    ) -> None:
        self.policy = Policy(
            source=agent("rehearsed-worker"),
            user=USER,
            answerable=Answerable(reply_to_allow, Names()),
            ladder=Ladder(tuple(map(Delay.parse, retry_delays))),
            max_body_bytes=max_body_bytes,
            max_answer_bytes=max_answer_bytes,
            time_limit=time_limit,
            security=security,
            lane=lane,
        )
        self._pipeline = Pipeline(registry, self.policy, now=now)
        #: What user code raised in the task that asks.
        self._raised: ContextVar[list[BaseException] | None] = ContextVar("raised", default=None)
        self._pipeline.listen(self._heard)
        if inbox is not None:
            self._pipeline.attempts.once = Once(inbox, retention=inf)

    async def task(
        self,
        task_type: str,
        parameters: Mapping[str, object] | None = None,
        **request: Any,
    ) -> Outcome:
        """Return what becomes of a task request; `request` are further fields of TaskRequest."""
        task = TaskRequest(task_type=task_type, parameters=dict(parameters or {}), **request)
        return await self.message(TaskRequestPayload(request=task, execution_context={}))

    async def message(self, payload: Payload, *, reply_to: str | None = MAILBOX) -> Outcome:
        """Return what becomes of a payload sent in an envelope of its own."""
        envelope = Envelope(
            message_type=payload.message_type_name(),
            payload=payload,
            source_agent=agent(),
            reply_to=reply_to,
        )
        return await self.bytes(encode(envelope))

    async def bytes(self, body: bytes, properties: Properties | None = None) -> Outcome:
        """Return what becomes of these bytes, whatever they are."""
        return await self.delivery(Delivery(body, properties or Properties()))

    async def delivery(self, delivery: Delivery) -> Outcome:
        """Return what becomes of a delivery, run in a task of its own with a working time limit."""
        limit = TimeLimit(asyncio.get_running_loop())
        raised: list[BaseException] = []
        self._raised.set(raised)  # the task has a copy of this context
        task = asyncio.ensure_future(self._pipeline.handle(delivery, limit))
        limit.guard(task)
        outcome = await task
        return Unanswered.of(outcome, raised) if isinstance(outcome, Retried) else outcome

    def _heard(self, error: BaseException) -> None:
        raised = self._raised.get()
        if raised is not None:
            raised.append(error)


class Unanswered(Retried):
    """A `Retried` that says why it has no answer to whoever asks for one."""

    raised: tuple[BaseException, ...]

    @classmethod
    def of(cls, outcome: Retried, raised: Iterable[BaseException]) -> Unanswered:
        """Return the outcome, with what user code raised."""
        told = cls(*outcome)
        told.raised = tuple(raised)
        return told

    @property
    def answer(self) -> NoReturn:
        """Raise AssertionError, because of what was raised."""
        when = "at once" if self.delay is None else f"in {self.delay}"
        error = self.raised[-1] if self.raised else None
        said = "" if error is None else f": {error!r}"
        raise AssertionError(
            f"there is no answer yet: {self.failure.reason}{said}; it would be tried again {when}"
        ) from error


def read(answer: Answer | None) -> dict[str, Any]:
    """Return the document of an answer; raises AssertionError where there is none."""
    if answer is None:
        raise AssertionError("the outcome has no answer: did the request name a reply_to?")
    document: dict[str, Any] = orjson.loads(answer.body)
    return document
