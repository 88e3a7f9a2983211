"""A queue that has messages and brings none is noticed, and a quiet or busy one is left alone."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from workers.link import silence
from workers.link.intake import Intake
from workers.link.plan import LinkPlan
from workers.link.silence import STRIKES, Silence, Stale
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


async def expect_patience(watch: Silence, *, looks: int = 10) -> None:
    """See that no look calls the line lost."""
    for _ in range(looks):
        await watch.look()


async def test_a_silent_queue_is_noticed_at_the_third_look() -> None:
    """The first look only learns how many came until then."""
    watch, _ = watching(Depths(work=7))
    for _ in range(STRIKES):
        await watch.look()
    with pytest.raises(Lost, match="work has messages"):
        await watch.look()


async def test_a_queue_that_brings_something_is_not_even_asked() -> None:
    """A busy worker pays nothing for the watch."""
    wire = Depths(work=7)
    watch, intake = watching(wire)
    for _ in range(10):
        intake.came["work"] += 1
        intake.settled["work"] += 1
        await watch.look()
    assert wire.asked == []


async def test_an_empty_queue_may_be_silent() -> None:
    """Nothing to bring is no reason to reconnect."""
    wire = Depths(work=0)
    watch, _ = watching(wire)
    await expect_patience(watch)
    assert "work" in wire.asked


async def test_a_queue_whose_prefetch_is_used_up_may_not_bring_more() -> None:
    """Slow work is no silence."""
    watch, intake = watching(Depths(work=7))
    intake.came["work"] = 2
    await expect_patience(watch)


async def test_one_sign_of_life_starts_the_count_anew() -> None:
    """A quiet replica among busy ones sees messages that are another's."""
    wire = Depths(work=7)
    watch, _ = watching(wire)
    for _ in range(10):
        wire.depths["work"] = 7
        await expect_patience(watch, looks=STRIKES - 1)
        wire.depths["work"] = 0
        await expect_patience(watch, looks=1)


async def test_a_channel_on_which_nothing_happens_is_opened_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What AMQP cannot show is cured without being seen; a message in hand puts it off."""
    monkeypatch.setattr(silence, "RENEW_AFTER", -1.0)
    intake = Intake({b"leveret-0": "work", b"leveret-1": "journal"}, lambda _: None)
    watch = Silence(Depths(work=0), intake, replace(PLAN, careful=True))  # type: ignore[arg-type] # all that it needs
    intake.came["work"] = 1
    await watch.look()
    await watch.look()
    intake.settled["work"] = 1
    with pytest.raises(Stale):
        await watch.look()
