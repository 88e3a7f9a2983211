"""The children of a worker's routes: started when first needed, one errand each at a time.

How many there are is the route's `concurrency`, which its gate keeps; so whoever comes in here has
a child to himself. A child that dies takes nobody with it, and the next errand starts another.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from workers.executor import errand
from workers.executor.ends import overran
from workers.executor.errand import Calling
from workers.executor.named import refuse_replaced
from workers.executor.process import Child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from messages import ValidationContext
    from workers.around.limits import TimeLimit
    from workers.context import Context
    from workers.logs import LogPlan
    from workers.registry import Route

log = logging.getLogger("leveret.executor")


class Pool:
    """The children of one route."""

    def __init__(self, route: Route, log_plan: LogPlan) -> None:
        self._name = route.name
        self._calling = Calling.of(route, log_plan)
        self._idle: list[Child] = []

    async def call(
        self,
        context: Context,
        checked: ValidationContext,
        limit: TimeLimit,
        seconds: Callable[[], float],
    ) -> object:
        """Return what the processor returns; raises Reject, Retry or Afar.

        Its time begins when its child is ready. Cancelled at its end, or because the worker is
        leaving, it kills the child.
        """
        sent = errand.write(context, checked)
        child = await self._child()
        try:
            limit.start(seconds())
            try:
                return await child.do(*sent)
            finally:
                limit.stop()
        except asyncio.CancelledError:
            use = await child.kill()
            if limit.leaving or not limit.passed:
                raise
            raise overran(self._name, use) from None
        finally:
            self._back(child)

    async def close(self) -> None:
        """End every child."""
        await asyncio.gather(*(child.dismiss() for child in self._idle))
        self._idle.clear()

    async def _child(self) -> Child:
        while self._idle:
            child = self._idle.pop()
            if not child.ended.done():
                return child
            log.warning("an idle process of %s (pid %d) has ended", self._name, child.pid)
        child = await Child.start(self._name, self._calling)
        log.info("a process of %s is started (pid %d)", self._name, child.pid)
        return child

    def _back(self, child: Child) -> None:
        if not child.ended.done():
            self._idle.append(child)
            return
        log.info(
            "a process of %s (pid %d) has ended (exit code %d) and is replaced when next needed",
            self._name,
            child.pid,
            child.ended.result(),
        )


class Pools:
    """The pools of a worker, by route."""

    def __init__(self, pools: dict[Route, Pool]) -> None:
        self._pools = pools

    def get(self, route: Route) -> Pool | None:
        """Return the pool of a route; None for one that is called in the worker itself."""
        return self._pools.get(route)

    async def close(self) -> None:
        """End every child of this worker."""
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))


def open_pools(routes: Iterable[Route], log_plan: LogPlan) -> Pools | None:
    """Return the pools that these routes need, or None where none does.

    Raises RegistrationError for what no child could import.
    """
    apart = [route for route in routes if route.limits.executor]
    for route in apart:
        refuse_replaced(route.process, f"the processor of {route.name}")
        refuse_replaced(route.model, f"the model of {route.name}")
    return Pools({route: Pool(route, log_plan) for route in apart}) if apart else None
