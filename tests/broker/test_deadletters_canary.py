"""One letter of each kind goes first; the rest goes only where that one does not fail."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import aio_pika
import pytest
from broker.letters import (
    WORK,
    Kind,
    bench,
    desk,
    id_of,
    letter,
    open_ids,
    post,
    prepare,
    task,
    write,
)
from broker.replaying import processors, replayed
from broker.worker import serving

from messages import ErrorCode
from topology import parse_delays
from workers.deadletters import (
    Ending,
    Foresight,
    Operator,
    Pace,
    Selection,
    Verdict,
    Workbench,
)
from workers.link.supervisor import LinkError
from workers.settings import Settings

if TYPE_CHECKING:
    from workers import Registry

#: As a worker fails that has the processors of nobody.
UNKNOWN = Kind(ErrorCode.UNKNOWN_TASK_TYPE, "unknown")


@pytest.fixture
async def url(amqp_url: str) -> str:
    """Return a broker with the topology on it."""
    await prepare(amqp_url)
    return amqp_url


@pytest.fixture
def registry() -> Registry:
    """Return processors: one that works, one that says no, one that fails for a while."""
    return processors()


async def test_a_kind_whose_canary_comes_back_stays_and_the_others_go(
    url: str, registry: Registry
) -> None:
    """One bad group does not hold up a good one, and costs one letter only."""
    await write(url, 20)
    await write(url, 20, Kind(ErrorCode.REJECTED, "reject"), start=50)
    async with serving(url, registry):
        over = await replayed(bench(url, registry), Selection(), Pace(rate=0, wait=1.5))
    assert over.ending is Ending.HALTED
    assert (over.done, over.returned, sum(over.kept.values())) == (21, 1, 19)
    (halt,) = over.halts
    assert (halt.error_code, halt.reason) == ("rejected", "not today")
    listing = await bench(url).ls()
    assert listing.matching == 20
    (back,) = [one for one in listing.letters if one.replays]
    assert back.id == halt.letter_id


async def test_a_letter_that_would_pass_goes_before_what_only_a_run_can_tell(
    url: str, registry: Registry
) -> None:
    """Letters of one kind need not have one fate; the first of them decides on all the others."""
    older = [letter(task(n, "teleport"), UNKNOWN, seconds=n) for n in range(2)]
    await post(url, [*older, *(letter(task(n), UNKNOWN, seconds=n) for n in range(2, 7))])
    foresight = Foresight.of(Settings(amqp_url=url), registry, user="guest", assumed=True)
    workbench = Workbench(desk(url), Operator(foresight=foresight))
    proposal = await workbench.preview(Selection())
    assert proposal.told == "5 of 7 would now pass; of 2 more only a run can tell"
    async with serving(url, registry):
        over = await workbench.replay(proposal, Pace(rate=0, wait=5)).result()
    (canary,) = over.canaries
    assert canary.verdict is Verdict.DONE
    assert canary.letter_id not in set(map(id_of, older))


async def test_a_kind_that_comes_back_during_the_ramp_stops_there(
    url: str, registry: Registry
) -> None:
    """Without a canary the ramp is slow enough to notice."""
    await write(url, 200, Kind(ErrorCode.REJECTED, "reject"))
    async with serving(url, registry):
        over = await replayed(bench(url, registry), Selection(), Pace(rate=50, canary=False))
    assert over.ending is Ending.HALTED
    assert over.done < 30
    assert over.done + sum(over.kept.values()) == 200


async def test_without_a_worker_no_canary_is_sent(url: str, registry: Registry) -> None:
    """Nobody could tell whether it passes, so nothing is done, and nothing is noted."""
    ids = await write(url, 3)
    with pytest.raises(LinkError, match="no worker takes from"):
        await replayed(bench(url, registry), Selection(), Pace())
    assert await open_ids(url) == ids
    assert await bench(url).history() == ()


async def test_a_canary_that_is_done_is_known_at_once(url: str, registry: Registry) -> None:
    """Its worker says so, and nobody waits for the rest of a long patience; nor at the end."""
    await write(url, 5)
    began = time.monotonic()
    async with serving(url, registry, agent_id="hare"):
        over = await replayed(bench(url, registry), Selection(), Pace(rate=0, wait=300))
    assert time.monotonic() - began < 100
    (canary,) = over.canaries
    assert (canary.verdict, canary.worker) == (Verdict.DONE, "hare")
    assert (over.done, over.succeeded, over.unknown) == (5, 5, 0)
    (deed,) = await bench(url).history()
    assert (deed.succeeded, deed.returned) == (5, 0)
    shown = await bench(url).show(canary.letter_id)
    assert shown.replayed is not None
    assert (shown.replayed.end, shown.replayed.worker) == ("done", "hare")


async def test_a_canary_that_fails_and_is_tried_again_passes_for_none(
    url: str, registry: Registry
) -> None:
    """It did not come back, and yet the rest of its kind stays: it failed."""
    await write(url, 9, Kind(ErrorCode.PROCESSING_FAILED, "fail"))
    async with serving(url, registry, retry_delays=parse_delays("5m")):
        over = await replayed(bench(url, registry), Selection(), Pace(rate=0, wait=1.0))
    (canary,) = over.canaries
    assert canary.verdict is Verdict.AGAIN
    assert (over.ending, over.done, over.retrying) == (Ending.HALTED, 1, 1)
    (halt,) = over.halts
    assert (halt.error_code, halt.letter_id) == ("processing_failed", canary.letter_id)
    assert len(await open_ids(url)) == 8


async def test_a_canary_of_which_nobody_says_anything_did_not_come_back(
    url: str, registry: Registry
) -> None:
    """Another program's consumer, or an older worker, tells nothing: that is said as it is."""
    await write(url, 3)
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(WORK, ensure=False)
        await queue.consume(_swallow, no_ack=True)
        over = await replayed(bench(url, registry), Selection(), Pace(rate=0, wait=0.5))
    (canary,) = over.canaries
    assert (canary.verdict, canary.worker) == (Verdict.SILENT, "")
    assert (over.done, over.succeeded, over.unknown) == (3, 0, 3)


async def _swallow(_message: object) -> None:
    """Take it, and tell nobody."""
