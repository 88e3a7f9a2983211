"""Looks that take long go on while a page says so; nobody waits for one that nobody asks for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from waiting import eventually

from workers.console.letters import surveys as module
from workers.console.letters.surveys import Surveys
from workers.deadletters import Survey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def surveys(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Surveys]:
    """Lend surveys for which a page waits only a moment."""
    monkeypatch.setattr(module, "MOMENT", 0.02)
    ours = Surveys()
    yield ours
    await ours.close()


class Look:
    """A look through letters that ends when it is let."""

    def __init__(self) -> None:
        self.began = 0
        self.end = asyncio.Event()
        self.cancelled = False

    async def __call__(self, survey: Survey) -> str:
        """Look."""
        self.began += 1
        survey.total, survey.done = 10, 3
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return "found"


async def test_what_is_quick_is_had_at_once(surveys: Surveys) -> None:
    """And looked for anew the next time."""
    look = Look()
    look.end.set()
    assert await surveys.ask("key", look) == "found"
    assert await surveys.ask("key", look) == "found"
    assert look.began == 2


async def test_what_takes_long_says_how_far_it_is_and_goes_on(surveys: Surveys) -> None:
    """Whoever reloads joins the same look, and has what it found when it ends."""
    look = Look()
    first = await surveys.ask("key", look)
    second = await surveys.ask("key", look)
    assert isinstance(first, Survey)
    assert first is second
    assert (first.done, first.total) == (3, 10)
    look.end.set()
    assert await surveys.ask("key", look) == "found"
    assert look.began == 1


async def test_only_a_few_look_at_once(surveys: Surveys) -> None:
    """Another one waits for its turn, and knows nothing yet."""
    looks = [Look() for _ in range(module.AT_ONCE + 1)]
    told = [await surveys.ask(number, look) for number, look in enumerate(looks)]
    assert [look.began for look in looks] == [1] * module.AT_ONCE + [0]
    assert told[-1] == Survey()
    looks[0].end.set()
    assert await surveys.ask(0, looks[0]) == "found"
    await surveys.ask(module.AT_ONCE, looks[-1])
    assert looks[-1].began == 1


async def test_what_nobody_asks_for_any_more_is_given_up(
    surveys: Surveys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed tab costs a few seconds more at the most."""
    monkeypatch.setattr(module, "ABANDONED", 0.05)
    look = Look()
    await surveys.ask("key", look)
    await eventually(lambda: look.cancelled)
    assert isinstance(await surveys.ask("key", look), Survey)
    assert look.began == 2


async def test_what_fails_is_told_to_whoever_asks(surveys: Surveys) -> None:
    """As if they had looked themselves."""

    async def broken(_survey: Survey) -> str:
        raise LookupError("no broker")

    with pytest.raises(LookupError, match="no broker"):
        await surveys.ask("key", broken)
