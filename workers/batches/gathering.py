"""Hands a processor a list: payloads of deliveries that are with us at the same time.

Each delivery keeps an outcome of its own. A run begins when it is full, or as soon as a turn of the
loop brings no more, so that a lone message does not wait. A message whose run failed comes back
alone: it can spoil the others' first attempt, never all of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from workers.context import Context

    Several = Callable[[list[Any], Context], Awaitable[Any]]

#: Turns of the loop without a new message after which a run begins: a runner that waits wakes the
#: next one, which takes a turn or two.
QUIET_TURNS: Final = 3


class _Run:
    """One call of the processor, and who waits for it."""

    __slots__ = ("context", "futures", "payloads", "task")

    def __init__(self, context: Context) -> None:
        self.context = context
        self.payloads: list[Any] = []
        self.futures: list[asyncio.Future[Any]] = []
        self.task: asyncio.Task[None] | None = None


class Gathering:
    """Calls a processor with up to `most` payloads; one for each worker and route."""

    def __init__(self, process: Several, most: int) -> None:
        self._process = process
        self._most = most
        self._name = f"batch {getattr(process, '__qualname__', 'processor')}"
        self._run: _Run | None = None

    async def __call__(self, payload: Any, context: Context) -> object:
        """Return this payload's own result, or raise what became of it."""
        loop = asyncio.get_running_loop()
        run = self._run
        if run is None or context.attempt > 1:
            run = _Run(context)
            if context.attempt == 1 and self._most > 1:
                self._run = run
                loop.call_soon(self._look, run, 0, 0)
        future: asyncio.Future[Any] = loop.create_future()
        run.payloads.append(payload)
        run.futures.append(future)
        if run is not self._run or len(run.payloads) == self._most:
            self._begin(run)
        try:
            result = await future
        except asyncio.CancelledError:
            future.cancel()
            if run.task is not None and all(one.cancelled() for one in run.futures):
                run.task.cancel()
            raise
        if isinstance(result, BaseException):
            raise result
        return result

    def _look(self, run: _Run, seen: int, quiet: int) -> None:
        """Begin when nothing has joined for some turns."""
        if run.task is not None:
            return
        quiet = quiet + 1 if len(run.payloads) == seen else 0
        if quiet >= QUIET_TURNS:
            self._begin(run)
        else:
            asyncio.get_running_loop().call_soon(self._look, run, len(run.payloads), quiet)

    def _begin(self, run: _Run) -> None:
        if run is self._run:
            self._run = None
        # Who was cancelled while waiting for others is not worked on.
        kept = [
            (payload, future)
            for payload, future in zip(run.payloads, run.futures, strict=True)
            if not future.cancelled()
        ]
        run.payloads = [payload for payload, _ in kept]
        run.futures = [future for _, future in kept]
        if kept:
            run.task = asyncio.create_task(self._work(run), name=self._name)

    async def _work(self, run: _Run) -> None:
        try:
            results = _each(await self._process(run.payloads, run.context), len(run.payloads))
        except asyncio.CancelledError:
            for future in run.futures:
                future.cancel()
            raise
        except BaseException as error:  # noqa: BLE001 - handed on to whoever waits, and told there
            results = [error] * len(run.futures)
        for future, result in zip(run.futures, results, strict=True):
            if not future.done():
                # An exception, too, as a result: not every one can be a future's own.
                future.set_result(result)


def _each(results: Any, count: int) -> list[Any]:
    """Return a result for each payload; raises TypeError for another number of them."""
    if results is None:
        return [None] * count
    told = list(results)
    if len(told) != count:
        raise TypeError(
            f"a batch processor returned {len(told)} results for {count} payloads; return one for "
            "each, or None",
        )
    return told
