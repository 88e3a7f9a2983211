"""A rehearsal tells the author of a processor what went wrong in it."""

from __future__ import annotations

import asyncio
import traceback

import pytest
from pydantic import BaseModel

from workers import Context, Registry, Retry
from workers.outcome import Outcome, Retried
from workers.testing import Rehearsal, read


class Number(BaseModel):
    """Parameters."""

    value: int = 0


registry = Registry()


@registry.task("divide", parameters=Number)
async def divide(number: Number, _context: Context) -> dict[str, float]:
    """Fail for nought."""
    await asyncio.sleep(0)
    return {"share": 1 / number.value}


@registry.task("look-up", parameters=Number)
async def look_up(number: Number, _context: Context) -> dict[str, str]:
    """Fail with what it was asked for."""
    await asyncio.sleep(0)
    return {"found": {0: "nought"}[number.value]}


@registry.task("later", parameters=Number)
async def later(_number: Number, _context: Context) -> None:
    """Ask for patience."""
    raise Retry("not now", after=10)


async def told(outcome: Outcome) -> AssertionError:
    """Return what is said to a test that reads the answer."""
    with pytest.raises(AssertionError) as caught:
        read(outcome.answer)  # type: ignore[union-attr] # as its author would write it
    return caught.value


async def test_a_test_that_reads_the_answer_is_shown_the_exception() -> None:
    """Its class, its text, and the line of the processor in the traceback."""
    error = await told(await Rehearsal(registry).task("divide"))
    assert "ZeroDivisionError('division by zero')" in str(error)
    assert "tried again in 1s" in str(error)
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert "1 / number.value" in "".join(traceback.format_exception(error))


async def test_rehearsals_at_the_same_time_are_told_their_own() -> None:
    """Each of what was raised in it."""
    rehearsal = Rehearsal(registry)
    both = rehearsal.task("divide"), rehearsal.task("look-up", {"value": 7})
    first, second = [await told(outcome) for outcome in await asyncio.gather(*both)]
    assert isinstance(first.__cause__, ZeroDivisionError)
    assert "KeyError(7)" in str(second)


async def test_what_asks_for_patience_says_when() -> None:
    """Nothing was raised by mistake, so nothing is shown."""
    error = await told(await Rehearsal(registry).task("later"))
    assert "not now; it would be tried again in 10s" in str(error)
    assert error.__cause__ is None


async def test_it_is_the_outcome_that_a_worker_has() -> None:
    """Whoever expects it compares it as ever."""
    outcome = await Rehearsal(registry).task("divide")
    assert isinstance(outcome, Retried)
    assert Retried(*outcome) == outcome
    assert outcome.failure.exception == "ZeroDivisionError"
