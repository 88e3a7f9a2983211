"""Checks that ask another service, between decoding and dispatch, such as: is there this user.

Concurrent checks of one value share one call, and answers are kept for a bounded time and in a
bounded number. A service that fails or does not answer in time makes the message wait for another
attempt; a no makes it invalid.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from messages import ErrorCode, InvalidMessage
from messages.errors import one, summary
from workers.request import PARAMETERS
from workers.verdicts import Retry

if TYPE_CHECKING:
    from collections.abc import Hashable

    from messages import FieldError
    from workers.around.check import Check
    from workers.registry import Registry, Route

log = logging.getLogger("leveret.checks")

#: Answers kept for each check; the oldest go first.
MOST_KEPT: Final = 1_000


class Checks:
    """Runs the checks of one worker."""

    def __init__(self, registry: Registry) -> None:
        self._of = {
            route: tuple(map(_Asked, checks))
            for route in registry.routes
            if (checks := registry.checks(route))
        }

    def __contains__(self, route: Route) -> bool:
        """Whether something is asked before messages of a route are dispatched."""
        return route in self._of

    async def run(self, route: Route, argument: object) -> None:
        """Return when all say yes; raises InvalidMessage on a no, Retry where one cannot tell."""
        place = PARAMETERS if route.task_type else PARAMETERS[:1]
        refused: list[FieldError] = []
        for asked in self._of[route]:
            check = asked.check
            value = check.value_in(argument)
            if value is None:
                continue
            if not await asked.ask(value):
                refused += one((*place, *check.field.split(".")), "check_refused", check.refusal)
        if refused:
            errors = tuple(refused)
            reason = summary("the message", errors, len(errors))
            raise InvalidMessage(ErrorCode.INVALID_PAYLOAD, reason, errors)


class _Asked:
    """What one check was asked lately, and is being asked now."""

    def __init__(self, check: Check) -> None:
        self.check = check
        #: Answers, and until when (monotonic seconds) each is believed.
        self._kept: OrderedDict[Hashable, tuple[float, bool]] = OrderedDict()
        self._flying: dict[Hashable, asyncio.Task[bool]] = {}

    async def ask(self, value: Hashable) -> bool:
        """Return the answer, an earlier one where it is still good."""
        kept = self._kept.get(value)
        if kept is not None and kept[0] > asyncio.get_running_loop().time():
            return kept[1]
        flight = self._flying.get(value)
        if flight is None:
            flight = asyncio.create_task(self._call(value), name=f"check {self.check.name}")
            self._flying[value] = flight
            flight.add_done_callback(lambda ended: self._landed(value, ended))
        # Whoever asked first may be cancelled; the others still wait for the answer.
        return await asyncio.shield(flight)

    async def _call(self, value: Hashable) -> bool:
        check = self.check
        try:
            async with asyncio.timeout(check.patience):
                answer = bool(await check.ask(value))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # a service may fail in any way, and each is transient
            kind = type(error).__name__
            log.warning("the check %s could not tell: %s", check.name, kind)
            raise Retry(f"the check {check.name} could not tell: {kind}") from error
        self._kept[value] = (asyncio.get_running_loop().time() + check.keep, answer)
        self._kept.move_to_end(value)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return answer

    def _landed(self, value: Hashable, ended: asyncio.Task[bool]) -> None:
        self._flying.pop(value, None)
        if not ended.cancelled():
            ended.exception()  # told to whoever waits; nobody may be left
