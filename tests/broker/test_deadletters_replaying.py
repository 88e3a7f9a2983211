"""A replay on a real broker: what goes, where it goes, and what stays as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from broker.command import user
from broker.letters import (
    NAMES,
    WORK,
    bench,
    desk,
    held,
    letter,
    open_ids,
    post,
    prepare,
    task,
    write,
)
from broker.replaying import QUICK, processors, replayed
from broker.worker import eventually, serving

from topology.roles import Role, permissions
from workers import headers
from workers.deadletters import Ending, Foresight, Operator, Pace, Scanning, Selection, Workbench
from workers.publication import Publication
from workers.settings import Settings

if TYPE_CHECKING:
    from workers import Registry


@pytest.fixture
async def url(amqp_url: str) -> str:
    """Return a broker with the topology on it."""
    await prepare(amqp_url)
    return amqp_url


@pytest.fixture
def registry() -> Registry:
    """Return processors: one that works, one that says no, one that fails for a while."""
    return processors()


async def test_a_replay_goes_where_it_came_from_and_leaves_the_others_in_order(url: str) -> None:
    """Body, identity and lineage stay; the letters around it are where they were."""
    ids = await write(url, 9)
    over = await replayed(bench(url), Selection(ids=tuple(ids[3:5])))
    assert (over.done, over.ending, over.kept) == (2, Ending.DONE, {})
    assert await open_ids(url) == ids[:3] + ids[5:]
    (first, _) = await held(url, WORK)
    told = first.properties.headers
    assert (told[headers.REPLAYS], told[headers.REPLAY_OF]) == (1, ids[3])
    assert (told[headers.MESSAGE_ID], told["tenant"]) == ("m-1", "hare")
    assert first.properties.correlation_id == "asked"
    assert orjson.loads(first.body)["payload"]["request"]["parameters"] == {"text": "number 3"}
    listing = await bench(url).ls()
    assert (listing.standing.open, listing.standing.scanned) == (7, False)
    (deed,) = await bench(url).history()
    assert (deed.verb, deed.by, deed.who, deed.why) == ("replay", "guest", "ada@console", "fixed")
    assert (deed.meant, deed.done, deed.outcome) == (2, 2, "done")
    assert await bench(url).history(ids[3]) == (deed,)
    assert await bench(url).history(ids[0]) == ()
    assert not (await bench(url).show(ids[3])).open


async def test_only_what_would_pass_now_is_sent(url: str, registry: Registry) -> None:
    """A dry run counts; those that would be refused again stay, and say why."""
    await write(url, 7)
    await post(url, [letter(task(n, text=5)) for n in range(3)])
    workbench = bench(url, registry)
    proposal = await workbench.preview(Selection())
    assert proposal.told == "7 of 10 would now pass"
    assert list(proposal.failing.values()) == [3]
    assert proposal.queues == {WORK: 7}
    over = await workbench.replay(proposal, QUICK).result()
    assert over.done == 7
    assert "would fail again" in next(iter(over.kept))
    assert len(await open_ids(url)) == 3


async def test_a_full_work_queue_keeps_the_letters(url: str) -> None:
    """What the broker refuses stays a dead letter, and one refusal is enough."""
    ids = await write(url, 5)
    await post(url, [Publication("", WORK, b"x" * 100)])
    workbench = Workbench(desk(url), Operator(who="ada", to="no.such.queue"))
    over = await replayed(workbench, Selection())
    assert over.done == 0
    assert sum(over.kept.values()) == 5
    assert "there is no queue no.such.queue" in next(iter(over.kept))
    assert await open_ids(url) == ids


async def test_an_operator_with_the_rights_of_the_role_alone_can_do_all_of_it(
    url: str, management_url: str, registry: Registry
) -> None:
    """A replay by the operator's own user keeps its lineage, so its old ttl does not count."""
    name = f"{NAMES.prefix}.operator"
    theirs = user(management_url, url, name, permissions(Role.OPERATOR, NAMES))
    ids = await write(url, 4)
    foresight = Foresight.of(Settings(amqp_url=theirs), registry, user=name)
    workbench = Workbench(desk(theirs), Operator(who="ada", foresight=foresight))
    proposal = await workbench.preview(Selection())
    assert proposal.told == "4 of 4 would now pass"
    async with serving(url, registry) as (_, metrics):
        over = await workbench.replay(proposal, Pace(rate=0, wait=1.0)).result()
        await eventually(lambda: metrics.in_flight == 0)
    assert (over.done, over.ending, over.returned) == (4, Ending.DONE, 0)
    assert await workbench.history(ids[0]) == await workbench.history()
    (deed,) = await workbench.history()
    assert deed.by == name
    assert (await workbench.ls(scan=Scanning.ALWAYS)).matching == 0
