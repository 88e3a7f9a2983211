"""A replay on its way: stopped, paused, and alone with its letters."""

from __future__ import annotations

from collections import Counter

import pytest
from broker.letters import WORK, bench, held, open_ids, prepare, write
from broker.replaying import QUICK, replayed

from workers.deadletters import Ending, Pace, ScanRefused, Selection


@pytest.fixture
async def url(amqp_url: str) -> str:
    """Return a broker with the topology on it."""
    await prepare(amqp_url)
    return amqp_url


async def test_a_stopped_replay_leaves_the_rest_and_goes_on_later(url: str) -> None:
    """Stopping is between two letters; going on sends each of the others once."""
    await write(url, 100)
    workbench = bench(url)
    running = workbench.replay(await workbench.preview(Selection()), Pace(rate=40, canary=False))
    async for progress in running:
        if progress.done >= 5:
            running.stop()
    stopped = running.progress
    assert stopped.ending is Ending.STOPPED
    assert 5 <= stopped.done < 100
    assert stopped.done + sum(stopped.kept.values()) == 100
    assert len(await open_ids(url)) == 100 - stopped.done
    assert (await replayed(workbench, Selection())).done == 100 - stopped.done
    assert len({delivery.body for delivery in await held(url, WORK)}) == 100
    assert len(await held(url, WORK)) == 100


async def test_a_second_operator_is_refused_and_may_look_meanwhile(url: str) -> None:
    """Two never work on the same letters; looking is told that something is going on."""
    await write(url, 60)
    one, two = bench(url), bench(url)
    proposal = await two.preview(Selection())
    running = one.replay(await one.preview(Selection()), Pace(rate=20, canary=False))
    refused = looked = False
    async for progress in running:
        if progress.done and not refused:
            with pytest.raises(ScanRefused, match="by ada@console goes on"):
                await two.replay(proposal, QUICK).result()
            refused = True
            looked = (await two.ls()).standing.busy
            running.stop()
    assert refused
    assert looked
    done = running.progress.done
    over = await two.replay(proposal, QUICK).result()
    assert (over.done, over.gone) == (60 - done, done)
    assert Counter(delivery.body for delivery in await held(url, WORK)).most_common(1)[0][1] == 1


async def test_a_paused_replay_sends_nothing_until_it_goes_on(url: str) -> None:
    """Paused between two letters, and nobody else gets at them meanwhile; then the rest goes."""
    await write(url, 40)
    one, two = bench(url), bench(url)
    proposal = await one.preview(Selection())
    running = one.replay(proposal, Pace(rate=50, canary=False, wait=0))
    paused_at = 0
    async for progress in running:
        if progress.done >= 3 and not paused_at:
            running.pause("bob")
            paused_at = progress.done
        elif progress.paused:
            assert progress.done <= paused_at + 1
            with pytest.raises(ScanRefused):
                await two.replay(proposal, QUICK).result()
            with pytest.raises(ScanRefused, match="bob paused it"):
                await two.replay(proposal, QUICK).result()
            running.resume("eve")
    over = running.progress
    assert paused_at
    assert (over.done, over.ending, over.paused) == (40, Ending.DONE, False)
    (deed,) = await two.history()
    assert [(one.what, one.who) for one in deed.steered] == [("paused", "bob"), ("resumed", "eve")]
    assert len(await held(url, WORK)) == 40


async def test_a_paused_replay_can_be_stopped(url: str) -> None:
    """What was not sent stays a dead letter."""
    await write(url, 30)
    workbench = bench(url)
    running = workbench.replay(await workbench.preview(Selection()), Pace(rate=50, canary=False))
    async for progress in running:
        if progress.paused:
            running.stop()
        elif progress.done:
            running.pause()
    over = running.progress
    assert over.ending is Ending.STOPPED
    assert over.done + sum(over.kept.values()) == 30
    assert len(await open_ids(url)) == 30 - over.done


async def test_a_stopped_replay_counts_what_others_took_before_as_gone(url: str) -> None:
    """What a stale preview meant and somebody discarded meanwhile does not stay a dead letter."""
    ids = await write(url, 30)
    one, two = bench(url), bench(url).for_person("bob")
    stale = await one.preview(Selection())
    await two.discard(await two.meant(Selection(ids=tuple(ids[20:]))), why="old").result()
    running = one.replay(stale, Pace(rate=50, canary=False))
    async for progress in running:
        if progress.done >= 3:
            running.stop("eve")
    over = running.progress
    assert over.gone == 10
    assert sum(over.kept.values()) == len(await open_ids(url)) == 20 - over.done
    deed = (await one.history())[0]
    assert deed.told == "stopped by eve, 10 gone already"
