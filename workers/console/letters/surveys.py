"""Looks through many letters that take longer than a page may: they go on while the page says so.

Whoever asks again, by reloading, joins the look that goes on. One that nobody asks for any more is
given up, and only a few go on at once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from workers.deadletters import Survey
from workers.link.cancelling import cancelled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

T = TypeVar("T")

#: Seconds a page waits before it says how far the look is.
MOMENT: Final = 0.8
#: Seconds after which a look that nobody asked for again is given up.
ABANDONED: Final = 15.0
#: Looks that go on at once; others wait for their turn.
AT_ONCE: Final = 2


@dataclass(slots=True, eq=False)
class _Going:
    task: asyncio.Task[Any]
    survey: Survey
    later: asyncio.TimerHandle


class Surveys:
    """All looks of this console."""

    def __init__(self) -> None:
        self._going: dict[Hashable, _Going] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def ask(self, key: Hashable, look: Callable[[Survey], Awaitable[T]]) -> T | Survey:
        """Return what the look found, or how far it is; raises what it raises.

        Looks with the same key are one.
        """
        going = self._going.get(key) or self._begin(key, look)
        going.later.cancel()
        going.later = self._give_up_later(key, going.task)
        await asyncio.wait([going.task], timeout=MOMENT)
        if not going.task.done():
            return going.survey
        self._forget(key)
        found: T = going.task.result()
        return found

    async def close(self) -> None:
        """Give all of them up."""
        tasks = [going.task for going in self._going.values()]
        for key in list(self._going):
            self._forget(key)
        await asyncio.gather(*map(cancelled, tasks))

    def _begin(self, key: Hashable, look: Callable[[Survey], Awaitable[Any]]) -> _Going:
        survey = Survey()
        task = asyncio.create_task(self._in_turn(look, survey), name="survey")
        # A look that nobody waits for may fail without anybody asking why.
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        going = self._going[key] = _Going(task, survey, self._give_up_later(key, task))
        return going

    async def _in_turn(self, look: Callable[[Survey], Awaitable[T]], survey: Survey) -> T:
        async with self._turns:
            return await look(survey)

    def _give_up_later(self, key: Hashable, task: asyncio.Task[Any]) -> asyncio.TimerHandle:
        def give_up() -> None:
            self._forget(key)
            task.cancel()

        return asyncio.get_running_loop().call_later(ABANDONED, give_up)

    def _forget(self, key: Hashable) -> None:
        going = self._going.pop(key, None)
        if going is not None:
            going.later.cancel()
