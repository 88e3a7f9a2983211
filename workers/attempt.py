"""One attempt of a processor at a valid message: within its limits, and with one outcome whatever.

Whatever a processor raises ends here, in the one blind `except` of the code base, as a retry or a
dead letter: `sys.exit()` and a panic of a library in Rust, too, which are no `Exception`.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from messages import InvalidMessage
from workers.answering.unsayable import TooLarge
from workers.around.brake import Brakes
from workers.around.checks import Checks
from workers.around.limits import Gate, Unwanted
from workers.batches.gathering import Gathering
from workers.context import Context
from workers.outcome import Replied, Requeued, Retried, made
from workers.recovery import NotNow
from workers.verdicts import Reject, Retry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from workers.answering.answers import Answers
    from workers.around.limits import TimeLimit
    from workers.crashes.solitude import Solitude
    from workers.endings import Endings
    from workers.executor.pool import Pools
    from workers.inbox.once import Once
    from workers.outcome import Answer, Delivery, Failure, Outcome
    from workers.registry import Registry, Route
    from workers.request import Request


#: Why a message is given back that the broker brings again anyhow.
OVER: Final = "its session is over"
#: Why one is that was not begun before the worker left.
LEAVING: Final = "the worker is leaving"


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
        self._worker = self._policy.source.agent_id
        self._now = now
        self._solitude = solitude
        self.brakes = Brakes()
        #: What stands before the work; None without an inbox.
        self.once: Once | None = None
        #: The processes of processors that have their own; None runs those here too.
        self.pools: Pools | None = None
        #: Tells whether a delivery can still be settled; the link knows.
        self.is_current: Callable[[Delivery], bool] = lambda _delivery: True
        self._known = registry.known
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

    async def outcome(  # noqa: C901, PLR0912 - a branch for each end there is
        self,
        request: Request,
        route: Route,
        argument: object,
        limit: TimeLimit,
    ) -> Outcome:
        """Return what comes of an attempt; raises nothing but InvalidMessage."""
        brakes, solitude = self.brakes, self._solitude
        limit.route = route
        # Before anything is held that whoever is alone may need.
        if solitude.who is not None and (why := await self._hindrance(request, limit)):
            return Requeued(request.subject, why)
        solitude.running += 1
        try:
            if brakes.doubts:
                self._brake(request, route)
            answer = await self._answer(request, route, argument, limit)
            if brakes.doubts:
                brakes.succeeded(route)
            return made(Replied, (request.subject, answer))
        except NotNow as wait:
            return self._endings.held(request, wait)
        except Unwanted:
            return Requeued(request.subject, OVER)
        except Reject as verdict:
            return self._endings.rejected(request, verdict)
        except TooLarge as large:
            return self._endings.unanswerable(request, large)
        except InvalidMessage:
            raise
        except asyncio.CancelledError:
            if limit.leaving:
                return Requeued(request.subject, LEAVING)
            return self._failed(request, route, self._endings.overrun(limit))
        except BaseException as error:  # noqa: BLE001 - the one blind except: whatever a processor raises is an outcome
            return self._failed(request, route, self._endings.raised(request, error), error)
        finally:
            solitude.left()
            if brakes.doubts:
                brakes.ended(route, request.delivery)

    async def _hindrance(self, request: Request, limit: TimeLimit) -> str:
        """Wait while another attempt is alone; return why it is not to begin then, if it is not."""
        try:
            await self._solitude.over(request.delivery)
        except asyncio.CancelledError:
            if not limit.leaving:
                raise
            return LEAVING
        return "" if self.is_current(request.delivery) else OVER

    # -- the work --

    def _answer(
        self,
        request: Request,
        route: Route,
        argument: object,
        limit: TimeLimit,
    ) -> Awaitable[Answer | None]:
        """Return the answer ready for the wire: the inbox's, where the work was done before."""
        once = self.once
        if once is None:
            return self._work(request, route, argument, limit)
        work = partial(self._work, request, route, argument, limit)
        again = self._answers.again
        if route.limits.transaction:
            return once.answer_within(request, work, again)
        return once.answer(request, work, again)

    async def _work(
        self,
        request: Request,
        route: Route,
        argument: object,
        limit: TimeLimit,
        transaction: object = None,
    ) -> Answer | None:
        """Check, process, and return the answer ready for the wire."""
        if route in self._checks:
            await self._checks.run(route, argument)
        envelope = request.envelope
        assert envelope is not None  # noqa: S101 - a valid message has one
        # By place, not by name: with names Python makes a dictionary for each message.
        context = Context(
            envelope,
            request.delivery,
            request.attempt,
            self._worker,
            request.deadline,
            self._now,
            transaction,
        )
        gate = self._gates.get(route)
        if gate is None:
            result = await self._call(request, route, argument, context, limit)
        else:
            # The wait has no bound but the session's: after it the work would be done twice.
            async with gate.enter(partial(self.is_current, request.delivery)):
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
        if self.pools is not None and (pool := self.pools.get(route)) is not None:
            checked = self._policy.security.context(request, self._known, self._now())
            seconds = partial(self._seconds, route, context.deadline)
            return await pool.call(context, checked, limit, seconds)
        limit.start(self._seconds(route, context.deadline))
        try:
            return await self._gathered.get(route, route.process)(argument, context)
        finally:
            limit.stop()
            if limit.disturbed:
                await limit.shed()

    def _seconds(self, route: Route, deadline: datetime | None) -> float:
        own = route.limits.time_limit or self._policy.time_limit
        if deadline is None:
            return own
        return max(0.0, min(own, (deadline - self._now()).total_seconds()))

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
        error: BaseException | None = None,
    ) -> Outcome:
        outcome = self._endings.failed(request, route, failure, error)
        # Who asks for a certain wait knows that the trouble is this message's own.
        waits = isinstance(error, Retry) and error.after is not None
        if not waits and (isinstance(outcome, Retried) or outcome.failure.retryable):
            self.brakes.failed(route, request.delivery)
        return outcome
