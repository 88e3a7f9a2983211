"""One attempt of a processor at a valid message: within its limits, and with one outcome whatever.

Whatever a processor raises ends here, in the one blind `except` of the code base, as a retry or a
dead letter.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

from messages import InvalidMessage
from workers.brake import Brakes
from workers.checks import Checks
from workers.context import Context
from workers.gathering import Gathering
from workers.limits import Gate
from workers.outcome import Replied, Requeued, Retried
from workers.recovery import NotNow
from workers.request import deadline_of
from workers.verdicts import Reject, Retry

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from workers.answers import Answers
    from workers.endings import Endings
    from workers.limits import TimeLimit
    from workers.outcome import Answer, Failure, Outcome
    from workers.registry import Registry, Route
    from workers.request import Request
    from workers.solitude import Solitude


class Attempts:
    """Calls the processors of one worker."""

    def __init__(
        self,
        registry: Registry,
        endings: Endings,
        answers: Answers,
        solitude: Solitude,
        now: Callable[[], datetime],
    ) -> None:
        self._endings = endings
        self._answers = answers
        self._policy = endings.policy
        self._now = now
        self._solitude = solitude
        self.brakes = Brakes()
        self._checks = Checks(registry)
        self._gathered = {
            route: Gathering(route.process, route.batch)
            for route in registry.routes
            if route.batch is not None
        }
        self._gates = {
            route: Gate(route.limits)
            for route in registry.routes
            if route.limits.concurrency or route.limits.rate
        }

    async def outcome(
        self,
        request: Request,
        route: Route,
        argument: object,
        limit: TimeLimit,
    ) -> Outcome:
        """Return what comes of an attempt; raises nothing but InvalidMessage."""
        brakes = self.brakes
        try:
            if brakes.doubts:
                self._brake(request, route)
            answer = await self._work(request, route, argument, limit)
            if brakes.doubts:
                brakes.succeeded(route)
            return Replied(request.subject, answer)
        except NotNow as wait:
            return self._endings.held(request, wait)
        except Reject as verdict:
            return self._endings.rejected(request, verdict)
        except InvalidMessage:
            raise
        except asyncio.CancelledError:
            if limit.leaving:
                return Requeued(request.subject, "the worker is leaving")
            return self._failed(request, route, self._endings.overrun(limit))
        except Exception as error:  # noqa: BLE001 - the one blind except: whatever a processor raises is an outcome
            return self._failed(request, route, self._endings.raised(request, error), error)
        finally:
            if brakes.doubts:
                brakes.ended(route, request.delivery)

    # -- the work --

    async def _work(
        self,
        request: Request,
        route: Route,
        argument: object,
        limit: TimeLimit,
    ) -> Answer | None:
        """Check, process, and return the answer ready for the wire."""
        if route in self._checks:
            await self._checks.run(route, argument)
        envelope = request.envelope
        assert envelope is not None  # noqa: S101 - a valid message has one
        deadline = deadline_of(envelope)
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
            result = await self._call(request, route, argument, context, limit)
        else:
            async with gate.enter():
                result = await self._call(request, route, argument, context, limit)
        return self._answers.result(request, result)

    async def _call(
        self,
        request: Request,
        route: Route,
        argument: object,
        context: Context,
        limit: TimeLimit,
    ) -> object:
        solitude = self._solitude
        if solitude.who is not None:
            await solitude.over(request.delivery)
        solitude.running += 1
        limit.start(self._seconds(route, context.deadline))
        try:
            return await self._gathered.get(route, route.process)(argument, context)
        finally:
            limit.stop()
            solitude.left()

    def _seconds(self, route: Route, deadline: datetime | None) -> float:
        own = route.limits.time_limit or self._policy.time_limit
        left = inf if deadline is None else (deadline - self._now()).total_seconds()
        return max(0.0, min(own, left))

    # -- what failures mean for others of their type --

    def _brake(self, request: Request, route: Route) -> None:
        """Raise NotNow for work of a type that keeps failing."""
        last_attempt = request.past.attempts >= self._endings.retries(route)
        self.brakes.check(route, request.delivery, last_attempt=last_attempt)

    def _failed(
        self,
        request: Request,
        route: Route,
        failure: Failure,
        error: Exception | None = None,
    ) -> Outcome:
        outcome = self._endings.failed(request, route, failure, error)
        # Who asks for a certain wait knows that the trouble is this message's own.
        waits = isinstance(error, Retry) and error.after is not None
        if not waits and (isinstance(outcome, Retried) or outcome.failure.retryable):
            self.brakes.failed(route, request.delivery)
        return outcome
