"""Letters of workers that lack a processor: which one is seen, and each type goes by itself."""

from __future__ import annotations

import pytest
from broker.letters import bench, desk, prepare
from broker.replaying import processors
from broker.worker import Asking, serving

from workers import Registry
from workers.deadletters import (
    Ending,
    Foresight,
    Operator,
    Pace,
    Selection,
    Verdict,
    Workbench,
)
from workers.settings import Settings

#: Asked for in this order: what nobody has stands before, among and behind what is missing.
ASKED = ("teleport", "echo", "echo", "teleport", "echo", "echo", "echo", "teleport")


@pytest.fixture
async def url(amqp_url: str) -> str:
    """Return a broker on which a worker without processors gave up what was asked for."""
    await prepare(amqp_url)
    async with serving(amqp_url, Registry()), Asking(amqp_url) as asking:
        for task_type in ASKED:
            await asking.letter(asking.task(task_type, parameters={"text": "hare"}))
    return amqp_url


async def test_the_missing_types_are_seen_and_found(url: str) -> None:
    """Under the names that were asked for, each a group of its own."""
    echo, teleport = (await bench(url).groups()).groups
    assert {echo.error_code, teleport.error_code} == {"unknown_task_type"}
    assert {echo.message_type, teleport.message_type} == {"task_request"}
    assert (echo.task_type, echo.count) == ("echo", 5)
    assert (teleport.task_type, teleport.count) == ("teleport", 3)
    assert echo.fingerprint != teleport.fingerprint
    listing = await bench(url).ls(Selection(task_type="teleport"))
    assert listing.matching == 3
    shown = await bench(url).show(listing.letters[0].id)
    assert shown.letter.task_type == "teleport"


@pytest.mark.parametrize("assumed", [False, True])
async def test_what_is_registered_by_now_is_done_and_the_rest_stays(
    url: str, *, assumed: bool
) -> None:
    """Also where nobody can say of the rest whether a worker has it: one of it comes back."""
    registry = processors()
    foresight = Foresight.of(Settings(amqp_url=url), registry, user="guest", assumed=assumed)
    workbench = Workbench(desk(url), Operator(who="ada", foresight=foresight))
    proposal = await workbench.preview(Selection(error_code="unknown_task_type"))
    assert proposal.foretold == 5
    async with serving(url, registry):
        over = await workbench.replay(proposal, Pace(rate=0, wait=10)).result()
    assert (over.succeeded, over.returned) == (5, int(assumed))
    verdicts = sorted(canary.verdict for canary in over.canaries)
    assert verdicts == ([Verdict.BACK, Verdict.DONE] if assumed else [Verdict.DONE])
    assert over.ending is (Ending.HALTED if assumed else Ending.DONE)
    left = await bench(url).ls()
    assert [one.task_type for one in left.letters] == ["teleport"] * 3
    assert sum(one.replays for one in left.letters) == int(assumed)
