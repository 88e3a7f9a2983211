"""How a delivery ends once it cannot be done: a retry, a dead letter, an expiry."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from messages import ErrorCode
from workers.outcome import DeadLettered, Expired, Failure, Retried
from workers.recovery import (
    Again,
    Failed,
    GiveUp,
    NotNow,
    attempt_of,
    comes_too_late,
    failure_of,
    raised,
    recover,
)
from workers.retry_policy import AS_SET
from workers.verdicts import Retry

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from messages import InvalidMessage
    from messages.batching import Apart
    from workers.answering.answers import Answers
    from workers.answering.unsayable import TooLarge
    from workers.around.limits import TimeLimit
    from workers.outcome import Answer, Attempt
    from workers.registry import Route
    from workers.request import Policy, Request
    from workers.verdicts import Reject

log = logging.getLogger("leveret.pipeline")

#: What happens to a worker through a message's fault, as it is told.
DIED: Final = "the worker process died, or stood still until it lost its connection,"


class Endings:
    """Turns failures of one worker into outcomes, with their error answers and histories."""

    def __init__(self, policy: Policy, answers: Answers, now: Callable[[], datetime]) -> None:
        self.policy = policy
        #: Told of whatever user code raises, for rehearsals.
        self.heard: Callable[[BaseException], None] | None = None
        self._answers = answers
        self._now = now

    def failed(
        self,
        request: Request,
        route: Route | None,
        failure: Failure,
        error: BaseException | None = None,
    ) -> Retried | DeadLettered:
        """Return the retry or the dead letter a failed attempt ends in.

        Without a route, for what failed before it was known whose it is, the worker's settings
        say how often.
        """
        now = self._now()
        verdict = recover(
            Failed(
                attempt=request.attempt,
                now=now,
                failure=failure,
                retries=self.retries(route),
                deadline=request.deadline,
                error=error,
                policy=AS_SET if route is None else route.retry,
            ),
            self.policy.ladder,
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

    def retries(self, route: Route | None) -> int:
        """Return how many retries a processor's message gets after its first attempt."""
        if route is None:
            return len(self.policy.ladder.delays)
        if route.limits.retries is not None:
            return route.limits.retries
        return len(route.retry.waits or self.policy.ladder.delays)

    def held(self, request: Request, wait: NotNow) -> Retried | Expired:
        """Return the wait of what cannot begin now; it is no attempt, and no failure of its own."""
        delay = self.policy.ladder.rung(1, wait.after)
        deadline = request.deadline
        if comes_too_late(delay, deadline, self._now()):
            return self.expired(request, f"{wait.reason}, and after {delay} it would be too late")
        return Retried(
            request.subject,
            Failure(ErrorCode.PROCESSING_FAILED, wait.reason, retryable=True),
            delay,
            request.past.attempts,
            request.past.history,
            held=True,
            starts=request.past.starts,
        )

    def suspected(self, request: Request, starts: int) -> Retried:
        """Return the copy that carries on what is proven of a message that died with a process."""
        times = "once" if starts == 1 else f"{starts} times"
        reason = f"{DIED} {times} while this was being processed"
        return self._sent_anew(request, ErrorCode.CRASH_LOOP, reason, starts)

    def spared(self, request: Request) -> Retried:
        """Return the copy of what others made come again so often that the broker would end it."""
        reason = "it came again and again because other messages killed the worker or held it up"
        return self._sent_anew(request, ErrorCode.PROCESSING_FAILED, reason, request.past.starts)

    @staticmethod
    def _sent_anew(request: Request, code: ErrorCode, reason: str, starts: int) -> Retried:
        """Return a copy that comes back at once; no attempt of its own has failed."""
        return Retried(
            request.subject,
            Failure(code, reason, retryable=True),
            None,
            request.past.attempts,
            request.past.history,
            held=True,
            starts=starts,
        )

    def crash_looped(self, request: Request, starts: int) -> DeadLettered:
        """Return the dead letter of what kills its worker process."""
        # With the first death, which nobody noted.
        reason = (
            f"{DIED} {starts + 1} times while this was being processed, "
            "the last time while nothing else was"
        )
        return self._dead(request, Failure(ErrorCode.CRASH_LOOP, reason))

    def rejected(self, request: Request, verdict: Reject) -> DeadLettered:
        """Return the dead letter of what the processor refused."""
        return self._dead(request, Failure(ErrorCode.REJECTED, verdict.reason, exception="Reject"))

    def unanswerable(self, request: Request, large: TooLarge) -> DeadLettered:
        """Return the dead letter of what was done and has a larger answer than may be sent."""
        kind = type(large).__name__
        return self._dead(
            request, Failure(ErrorCode.PROCESSING_FAILED, large.reason, exception=kind)
        )

    def refused(self, request: Request, invalid: InvalidMessage) -> DeadLettered:
        """Return the dead letter of what is no valid message."""
        failure = Failure(
            invalid.code,
            invalid.reason,
            invalid.errors,
            invalid.error_count,
            retryable=invalid.retryable,
        )
        return self._dead(request, failure)

    def apart(self, request: Request, one: Apart) -> tuple[DeadLettered, Answer | None]:
        """Return the end of an invalid message of a batch, and its own answer.

        The letter tells places in its body, the answer those in the batch that was sent.
        """
        dead = self.refused(request, one.invalid)
        told = one.told
        reason = f"message {one.place} of the batch: {told.reason}"
        failure = Failure(told.code, reason, told.errors, told.error_count)
        return dead._replace(answer=None), self._error(request, failure, dead.letter_id)

    def _dead(self, request: Request, failure: Failure) -> DeadLettered:
        letter_id = str(uuid4())
        return DeadLettered(
            request.subject,
            failure,
            letter_id,
            request.attempt,
            self._history(request, failure, self._now()),
            self._error(request, failure, letter_id),
        )

    def expired(self, request: Request, reason: str) -> Expired:
        """Return the end of what came too late."""
        letter_id = str(uuid4())
        failure = Failure(ErrorCode.EXPIRED, reason, retryable=True)
        # What the asker sees is a timeout; what the operator sees is when it happened.
        # (JSON-RPC has a word of its own for it.)
        answered = failure if request.call else failure._replace(code=ErrorCode.TIMEOUT)
        return Expired(
            request.subject,
            failure,
            letter_id,
            request.attempt,
            self._history(request, failure, self._now()),
            self._error(request, answered, letter_id),
        )

    def _error(self, request: Request, failure: Failure, letter_id: str) -> Answer | None:
        return self._answers.error(request, failure, letter_id=letter_id, attempts=request.attempt)

    def _history(self, request: Request, failure: Failure, now: datetime) -> tuple[Attempt, ...]:
        tried = attempt_of(
            failure,
            attempt=request.attempt,
            now=now,
            worker=self.policy.source.agent_id,
        )
        return (*request.past.history, tried)

    def overrun(self, limit: TimeLimit) -> Failure:
        """Return what a cancelled attempt is told as."""
        if limit.passed:
            return Failure(
                ErrorCode.TIMEOUT,
                "the processor ran past its time limit",
                retryable=True,
                exception="TimeoutError",
            )
        return failure_of(asyncio.CancelledError())

    def raised(self, request: Request, error: BaseException) -> Failure:
        """Return what is told about an exception; its trace is logged for debugging."""
        if not isinstance(error, Retry):
            self._trace("a processor raised", request, error)
        return failure_of(error)

    def unreadable(self, request: Request, error: BaseException) -> Retried | DeadLettered:
        """Return the end of what no validator refused, but one failed at, or what it asked."""
        self._trace("a validator raised", request, error)
        failure = raised("a validator, or what it asked,", error)
        return self.failed(request, None, failure, error)

    def _trace(self, what: str, request: Request, error: BaseException) -> None:
        if self.heard is not None:
            self.heard(error)
        ids = {"envelope_id": request.subject.envelope_id}
        # Its own text may quote the body.
        log.debug(what, exc_info=error, extra={**ids, "untold": True})
