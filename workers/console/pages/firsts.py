"""What the first sending of a form came to, for whoever sends the same form again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from workers.console.doors.entry import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

#: Results that can be shown again; each may be an answer of some megabytes.
MOST_SHOWN: Final = 20
#: Forms that are known to have been sent.
MOST: Final = 10_000


class First(NamedTuple, Generic[T]):
    """What the first sending came to."""

    result: T
    #: Whether this one came later.
    again: bool


class Firsts(Generic[T]):
    """Does what each form asks for once; who sends it meanwhile or later gets the same result."""

    def __init__(self) -> None:
        #: Form → what it came to; None where that is not kept any more.
        self._done: OrderedDict[str, asyncio.Task[T] | None] = OrderedDict()

    async def of(self, form: str, do: Callable[[], Coroutine[Any, Any, T]]) -> First[T]:
        """Return what `do` came to for the first who sent this form; raises what it raised.

        Raises Refused where that was too long ago to be told.
        """
        again = form in self._done
        if not again:
            self._done[form] = asyncio.create_task(do(), name="form")
            self._forget()
        task = self._done[form]
        if task is None:
            raise Refused(
                409,
                "This form was sent before, and what came of it is no longer kept here. Nothing "
                "was done now; load the page again for a new form.",
            )
        # Who leaves takes nothing from the others who wait.
        return First(await asyncio.shield(task), again)

    def _forget(self) -> None:
        if len(self._done) > MOST_SHOWN:
            oldest = list(self._done)[-MOST_SHOWN - 1]
            self._done[oldest] = None
        while len(self._done) > MOST:
            self._done.popitem(last=False)
