"""A form counts once: whoever sends it again is shown what the first one came to."""

from __future__ import annotations

import asyncio

import pytest

from workers.console.doors.entry import Refused
from workers.console.pages import firsts as module
from workers.console.pages.firsts import Firsts


class Deed:
    """Something that should be done once."""

    def __init__(self) -> None:
        self.done = 0
        self.may_end = asyncio.Event()

    async def do(self) -> int:
        """Do it, when it may end."""
        self.done += 1
        await self.may_end.wait()
        return self.done


async def test_sent_five_times_at_once_it_is_done_once() -> None:
    """All five are told the same, and four of them that they were not the first."""
    firsts: Firsts[int] = Firsts()
    deed = Deed()
    sent = [asyncio.create_task(firsts.of("form", deed.do)) for _ in range(5)]
    deed.may_end.set()
    told = await asyncio.gather(*sent)
    assert [one.result for one in told] == [1] * 5
    assert [one.again for one in told].count(False) == 1
    assert (await firsts.of("another form", deed.do)).result == 2


async def test_who_leaves_takes_nothing_from_who_sends_it_again() -> None:
    """A browser that hangs up ends nothing that was begun."""
    firsts: Firsts[int] = Firsts()
    deed = Deed()
    left = asyncio.create_task(firsts.of("form", deed.do))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    deed.may_end.set()
    assert (await firsts.of("form", deed.do)).result == 1


async def test_what_is_no_longer_kept_is_not_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are bounded, for answers may be large; what was sent stays known for longer."""
    monkeypatch.setattr(module, "MOST_SHOWN", 1)
    firsts: Firsts[int] = Firsts()
    deed = Deed()
    deed.may_end.set()
    await firsts.of("old", deed.do)
    await firsts.of("new", deed.do)
    with pytest.raises(Refused, match="no longer kept"):
        await firsts.of("old", deed.do)
    assert deed.done == 2
