"""Acting on dead letters on a real broker: nothing is lost, whoever dies or comes in between."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from broker.command import user
from broker.letters import (
    NAMES,
    WORK,
    Kind,
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
from broker.worker import eventually, serving

from messages import ErrorCode, ProtocolModel
from topology.roles import Role, permissions
from workers import Context, Registry, Reject, headers
from workers.deadletters import (
    Ending,
    Foresight,
    NoSuchLetter,
    Operator,
    Pace,
    Reader,
    Scanning,
    ScanRefused,
    Selection,
    Workbench,
    changed,
)
from workers.link.supervisor import LinkError
from workers.publication import Publication
from workers.settings import Settings

if TYPE_CHECKING:
    from workers.deadletters import Progress

QUICK = Pace(rate=0, canary=False, wait=0)
TESTS = Path(__file__).parent.parent


class Words(ProtocolModel):
    """Parameters."""

    text: str
    width: int = 0


@pytest.fixture
def registry() -> Registry:
    """Return processors: one that works, one that says no."""
    registry = Registry()

    @registry.task("echo", parameters=Words)
    async def echo(words: Words, _context: Context) -> Words:
        return words

    @registry.task("reject", parameters=Words)
    async def reject(_words: Words, _context: Context) -> Words:
        raise Reject("not today")

    return registry


@pytest.fixture
async def url(amqp_url: str) -> str:
    """Return a broker with the topology on it."""
    await prepare(amqp_url)
    return amqp_url


async def replayed(workbench: Workbench, selection: Selection, pace: Pace = QUICK) -> Progress:
    """Replay what fits."""
    return await workbench.replay(await workbench.preview(selection), pace, why="fixed").result()


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


async def test_a_kind_whose_canary_comes_back_stays_and_the_others_go(
    url: str,
    registry: Registry,
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


async def test_a_kind_that_comes_back_during_the_ramp_stops_there(
    url: str,
    registry: Registry,
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
            with pytest.raises(ScanRefused, match="another scan of"):
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


async def test_an_edited_letter_is_sent_as_it_was_edited_and_linked(
    url: str,
    registry: Registry,
) -> None:
    """The new body is judged before, and the original stays in the journal."""
    (letter_id, other) = await write(url, 2)
    workbench = bench(url, registry)
    shown = await workbench.show(letter_id)
    bad = changed(shown.editable, (("/payload/request/parameters/width", "wide"),))
    good = changed(shown.editable, (("/payload/request/parameters/width", 640),))
    foreseen = await workbench.preview_edit(letter_id, bad)
    assert foreseen is not None
    assert not foreseen.passes
    assert foreseen.errors[0].pointer == "/payload/request/parameters/width"
    assert (await workbench.preview_edit(letter_id, good)).passes  # type: ignore[union-attr]
    over = await (await workbench.edit(letter_id, good, why="typo")).result()
    assert over.done == 1
    (sent,) = await held(url, WORK)
    assert sent.body == good
    assert sent.properties.headers[headers.REPLAY_OF] == letter_id
    assert await open_ids(url) == [other]
    shown = await workbench.show(letter_id)
    assert not shown.open
    assert [deed.verb for deed in shown.deeds] == ["edit"]
    with pytest.raises(NoSuchLetter):
        await workbench.edit(letter_id, good)


async def test_discarded_letters_are_gone_and_the_history_says_why(url: str) -> None:
    """Only those that were meant; the journal still has them."""
    ids = await write(url, 10)
    workbench = bench(url)
    meant = await workbench.meant(Selection(ids=(ids[0], ids[9])))
    over = await workbench.discard(meant, why="nobody waits").result()
    assert (over.done, over.ending) == (2, Ending.DONE)
    assert await open_ids(url) == ids[1:9]
    (deed,) = await workbench.history()
    assert (deed.verb, deed.why, deed.done) == ("discard", "nobody waits", 2)
    assert (await workbench.show(ids[9])).letter.id == ids[9]


KILLS = [
    ("replay", "before the first note", 1),
    ("replay", "before it is sent", 40),
    ("replay", "sent, unconfirmed", 40),
    ("replay", "confirmed, before the note", 1),
    ("replay", "noted, before it is removed", 1),
    ("replay", "before the last note", 1),
    ("discard", "discard, before the note", 1),
    ("discard", "discard, noted", 1),
]


@pytest.mark.parametrize(("verb", "step", "number"), KILLS)
async def test_killed_at_any_step_nothing_is_lost_and_the_next_action_ends_it(
    url: str,
    verb: str,
    step: str,
    number: int,
) -> None:
    """Every letter is sent at least once, and never again where the journal knows that it was."""
    await write(url, 60)
    reader = Reader(NAMES, "guest")
    bodies = {reader.id(delivery): delivery.body for delivery in await held(url)}
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(TESTS / "broker" / "dying.py"),
        url,
        verb,
        step,
        str(number),
        env=environment,
    )
    async with asyncio.timeout(60):
        assert await process.wait() == -signal.SIGKILL
    workbench = bench(url)
    await workbench.ls()
    noted = [one for ids in (await workbench._looker.ledger()).sent.values() for one in ids]
    left = await workbench.preview(Selection())
    over = await workbench.replay(left, QUICK).result()
    assert over.ending is Ending.DONE
    assert await open_ids(url) == []
    sent = Counter(delivery.body for delivery in await held(url, WORK))
    if verb == "replay":
        assert set(sent) == set(bodies.values())
    assert all(sent[bodies[one]] == 1 for one in noted)
    assert max(sent.values(), default=1) <= 2
    standing = (await bench(url).ls()).standing
    assert (standing.open, standing.left_over) == (0, 0)


async def test_an_operator_with_the_rights_of_the_role_alone_can_do_all_of_it(
    url: str,
    management_url: str,
    registry: Registry,
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
