"""Faults of queues and exchanges: full, deleted, missing."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from faults.books import MAIN
from faults.place import NAMES, WORK
from faults.proxy import Proxy
from faults.raw import Raw
from faults.row import Figure, Row
from faults.rows.worker_rows import MIX

from workers.settling.knocking import FIRST_KNOCK, LONGEST_KNOCK
from workers.settling.patience import PATIENCE

if TYPE_CHECKING:
    from faults.crew import Child
    from faults.rig import Rig
    from faults.scales import Scale

DEAD_QUEUE: Final = NAMES.dead_queue("default")
#: Requests whose answers nobody can be given: known as sent, and no more is expected of them.
DEAF: Final = f"{MAIN}-deaf"
#: A plain queue of some asker's.
ASKER: Final = "an-asker"
#: A queue of somebody who listens to all dead letters.
LISTENER: Final = "a-listener"
#: Requests that end as dead letters: fewer than the prefetch, which they would fill for good.
BURIED: Final = 50
#: Seconds a consumer may take to be back after its queue is.
HEALED_WITHIN: Final = 20.0


async def _answered(rig: Rig, hearing: Child) -> float:
    """Return the seconds until all of this publisher's requests are answered."""
    began = time.monotonic()
    await hearing.wait()
    confirmed = rig.books.progress()
    await rig.answered(confirmed)
    return round(time.monotonic() - began, 2)


async def _beside(rig: Rig, scale: Scale, figure: Figure) -> None:
    """Have answers that nobody takes beside others, and see that the others do not suffer."""
    await rig.work(drain_grace=20)
    await rig.consuming(1)
    alone = await _answered(rig, await rig.publish(scale.messages))
    deaf = await rig.publish(scale.messages // 10, ledger=DEAF, reply_to=ASKER)
    beside = await _answered(rig, await rig.publish(scale.messages))
    figure.told |= {"others_answered_s": beside, "without_it_s": alone}
    await deaf.wait()
    unheard = rig.books.page(DEAF).confirmed
    await rig.until(
        lambda: unheard <= {one.id for one in rig.effects()},
        what="the work whose answers nobody takes",
    )
    # The workers are asked to leave while those answers are still being offered.
    figure.count(await rig.reckon(within=60))
    figure.told["answers_nobody_took"] = len(unheard)
    figure.must(beside <= alone + 2 * PATIENCE, "the others waited for it")
    figure.must(figure.dead == 0, "healthy work was dead-lettered")
    figure.must(figure.effects_doubled == 0, "what was done was given back and done again")


async def full_replies(rig: Rig, scale: Scale) -> Figure:
    """Answer to a queue that refuses."""
    figure = Figure()
    with Raw(rig.url) as raw:
        raw.declare(ASKER, {"x-max-length": 1, "x-overflow": "reject-publish"})
    await _beside(rig, scale, figure)
    return figure


async def no_replies(rig: Rig, scale: Scale) -> Figure:
    """Answer to a queue that is gone."""
    figure = Figure()
    with Raw(rig.url) as raw:
        raw.declare(ASKER, {})
        raw.delete_queue(ASKER)
    await _beside(rig, scale, figure)
    return figure


async def no_dead_exchange(rig: Rig, scale: Scale) -> Figure:
    """Delete the exchange of the dead letters for a while, with less to bury than the prefetch."""
    figure = Figure()
    async with Proxy(rig.url) as proxy:
        await rig.work(url=proxy.url)
        await rig.consuming(1)
        with Raw(rig.url) as raw:
            raw.delete_exchange(NAMES.dead)
        made, gone = proxy.made, time.monotonic()
        await (await rig.publish(BURIED, tasks=(("reject", {}),))).wait()
        held = rig.books.progress()
        publisher = await rig.publish(scale.messages, rate=scale.messages / scale.seconds)
        await publisher.wait(scale.seconds + 60)
        others = rig.books.progress() - held
        await rig.answered(others)
        away = time.monotonic() - gone
        figure.told |= {
            "gone_s": round(away, 1),
            "others_answered_meanwhile": others,
            "letters_held": held,
            "connections_made": proxy.made - made,
        }
        knocks = 1 + math.log2(LONGEST_KNOCK / FIRST_KNOCK) + away / LONGEST_KNOCK
        figure.must(proxy.made - made <= 2 + knocks, "each letter cost a connection")
        await rig.prepare()
        mended = time.monotonic()
        figure.count(await rig.reckon(within=scale.seconds + 60))
        figure.told["settled_after_s"] = round(time.monotonic() - mended, 1)
    figure.must(figure.dead == held, "a letter is missing, or somebody else's came")
    return figure


def _listen(rig: Rig) -> None:
    """Have somebody hear of all letters, whose queue must not stand for that of the open ones."""
    with Raw(rig.url) as raw:
        raw.declare(LISTENER, {})
        raw.bind(LISTENER, NAMES.dead, "#")


async def no_dead_queue(rig: Rig, scale: Scale) -> Figure:
    """Delete the queue of the open letters for a while; others that hear of letters stay."""
    figure = Figure()
    (worker,) = await rig.work()
    await rig.consuming(1)
    _listen(rig)
    with Raw(rig.url) as raw:
        raw.delete_queue(DEAD_QUEUE)
    await (await rig.publish(BURIED, tasks=(("reject", {}),))).wait()
    held = rig.books.progress()
    publisher = await rig.publish(scale.messages, rate=scale.messages / scale.seconds)
    await publisher.wait(scale.seconds + 60)
    others = rig.books.progress() - held
    await rig.answered(others)
    says = rig.ready(worker)[1]
    figure.told |= {
        "others_answered_meanwhile": others,
        "letters_held": held,
        "told_of_meanwhile": rig.place.look(LISTENER)[0],
        "says": says,
    }
    figure.must(DEAD_QUEUE in says, "the worker does not say which queue is missing")
    figure.must(not figure.told["told_of_meanwhile"], "a letter was told of that is nowhere")
    await rig.prepare()
    mended = time.monotonic()
    figure.count(await rig.reckon(within=scale.seconds + 60))
    figure.told["settled_after_s"] = round(time.monotonic() - mended, 1)
    figure.must(figure.dead == held, "a letter is missing, or somebody else's came")
    figure.must(rig.place.look(LISTENER)[0] == held, "who listens did not hear of each letter once")
    return figure


async def no_dead_binding(rig: Rig, scale: Scale) -> Figure:
    """Unbind the queue of the open letters for good."""
    figure = Figure()
    await rig.work()
    await rig.consuming(1)
    with Raw(rig.url) as raw:
        raw.unbind(DEAD_QUEUE, NAMES.dead, NAMES.dead_key("default"))
    publisher = await rig.publish(scale.messages, tasks=(("reject", {}),))
    await publisher.wait(scale.seconds + 60)
    buried = rig.books.progress()
    figure.count(await rig.reckon(within=scale.seconds + 60))
    figure.must(figure.dead == buried, "a letter is in no open work")
    return figure


async def full_dead_queue(rig: Rig, scale: Scale) -> Figure:
    """Let the queue of the dead letters be full for a while."""
    figure = Figure()
    (worker,) = await rig.work()
    await rig.consuming(1)
    _listen(rig)
    policy = f"/api/policies/{rig.vhost}/full"
    rig.api._request(
        "PUT",
        policy,
        {
            "pattern": f"^{DEAD_QUEUE}$",
            "apply-to": "queues",
            "definition": {"max-length": 3, "overflow": "reject-publish"},
        },
    )
    rate = scale.messages / scale.seconds
    await rig.publish(scale.messages, rate=rate, tasks=MIX, endless=True)
    await rig.lasts(scale.seconds)
    figure.told |= {"effects_meanwhile": len(rig.effects()), "says": rig.ready(worker)[1]}
    rig.api._request("DELETE", policy)
    mended = time.monotonic()
    figure.count(await rig.reckon(within=scale.seconds + 60))
    figure.told["settled_after_s"] = round(time.monotonic() - mended, 1)
    told = rig.place.look(LISTENER)[0]
    figure.must(told == figure.dead, f"{figure.dead} letters were told of {told} times")
    return figure


async def recreated(rig: Rig, scale: Scale) -> Figure:
    """Delete the work queue, for a while or for no time at all, and make it again."""
    figure = Figure()
    (worker,) = await rig.work()
    await rig.consuming(1)
    healed = []
    for _ in range(scale.faults):
        await (await rig.publish(scale.messages // scale.faults // 2)).wait()
        done = rig.books.progress()
        await rig.answered(done)  # so that the work queue is empty
        with Raw(rig.url) as raw:
            raw.delete_queue(WORK)
        if scale.seconds:
            figure.told["noticed_s"] = round(
                await rig.until(lambda: not rig.ready(worker)[0], what="a worker that notices"), 1
            )
            await rig.lasts(scale.seconds)
        await rig.prepare()
        back = time.monotonic()
        await rig.publish(scale.messages // scale.faults // 2)
        figure.recovered_within(await rig.effects_after(back, within=130))
        healed.append(figure.recovery)
    figure.count(await rig.reckon())
    figure.must((figure.recovery or 0) < HEALED_WITHIN, "healing took too long")
    return figure


ROWS: Final = (
    Row(name="reply queue full", run=full_replies),
    Row(name="reply queue deleted", run=no_replies),
    Row(
        name="dead-letter exchange missing",
        run=no_dead_exchange,
    ),
    Row(
        name="dead-letter queue missing",
        run=no_dead_queue,
    ),
    Row(
        name="dead-letter binding missing",
        run=no_dead_binding,
    ),
    Row(
        name="dead-letter queue full",
        run=full_dead_queue,
    ),
    Row(
        name="work queue deleted for a while: every restored channel fails",
        run=recreated,
    ),
    Row(
        name="work queue deleted and re-created at once",
        run=recreated,
    ),
)
