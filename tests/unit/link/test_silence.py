"""A queue that has messages and brings none is noticed, and a quiet or busy one is left alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from workers.link.intake import Intake
from workers.link.plan import LinkPlan
from workers.link.silence import STRIKES, Silence
from workers.link.supervisor import Lost


class Depths:
    """A wire whose broker tells these depths; counts how often it is asked."""

    def __init__(self, **depths: int) -> None:
        self.depths = depths
        self.asked: list[str] = []

    async def channel(self, *, confirms: bool) -> Depths:
        """Be the channel too."""
        return self

    async def queue_declare(self, queue: str, **_options: object) -> SimpleNamespace:
        """Tell the depth."""
        self.asked.append(queue)
        return SimpleNamespace(message_count=self.depths[queue])


PLAN = LinkPlan(
    amqp_url="amqp://there",
    name="test",
    queues={"work": 2, "journal": 5},
    arguments={"journal": {"x-stream-offset": "next"}},
)


def watching(wire: Depths) -> tuple[Silence, Intake]:
    """Return a watch over the plan's queues."""
    intake = Intake({b"leveret-0": "work", b"leveret-1": "journal"}, lambda _: None)
    return Silence(wire, intake, PLAN), intake  # type: ignore[arg-type] # all that it needs


async def test_a_silent_queue_is_noticed_at_the_third_look() -> None:
    """The first look only learns how many came until then."""
    silence, _ = watching(Depths(work=7))
    for _ in range(STRIKES):
        await silence.look()
    with pytest.raises(Lost, match="work has messages"):
        await silence.look()


async def test_a_queue_that_brings_something_is_not_even_asked() -> None:
    """A busy worker pays nothing for the watch."""
    wire = Depths(work=7)
    silence, intake = watching(wire)
    for _ in range(10):
        intake.came["work"] += 1
        intake.settled["work"] += 1
        await silence.look()
    assert wire.asked == []


async def test_an_empty_queue_may_be_silent() -> None:
    """Nothing to bring is no reason to reconnect."""
    silence, _ = watching(Depths(work=0))
    for _ in range(10):
        await silence.look()


async def test_a_queue_whose_prefetch_is_used_up_may_not_bring_more() -> None:
    """Slow work is no silence."""
    silence, intake = watching(Depths(work=7))
    intake.came["work"] = 2
    for _ in range(10):
        await silence.look()


async def test_one_sign_of_life_starts_the_count_anew() -> None:
    """A quiet replica among busy ones sees messages that are another's."""
    wire = Depths(work=7)
    silence, _ = watching(wire)
    for _ in range(10):
        wire.depths["work"] = 7
        for _ in range(STRIKES - 1):
            await silence.look()
        wire.depths["work"] = 0
        await silence.look()
