"""Faults that come with messages: poison frames, bodies that kill, a long outage behind them."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING, Final

from faults import effects, poison
from faults.books import MAIN
from faults.ledger import Ledger
from faults.place import NAMES, RUNGS
from faults.proxy import Proxy
from faults.raw import Raw
from faults.requests import body, number_of, request_id
from faults.rig import FIRST
from faults.row import Figure, Row

from topology import parse_delays

if TYPE_CHECKING:
    from faults.rig import Rig
    from faults.scales import Scale

_KEY: Final = "task_request.effect"
#: Poison frames from which on a figure is measured, and not only tried.
FULL: Final = 1_000
#: Some that fail twice among others that do not.
BESIDE: Final = (("flaky", {}), ("flaky", {"failures": 2}), ("flaky", {}))


def publish_poison(rig: Rig, count: int) -> frozenset[str]:
    """Publish whole messages with poisonous properties, and return their ids."""
    ledger = Ledger(rig.directory / MAIN)
    first = rig.next_number()
    numbers = range(first, first + count)
    kinds = list(poison.PROPERTIES.values())
    ledger.sending(numbers)
    with Raw(rig.url) as raw:
        for number in numbers:
            told = request_id(rig.run, number)
            properties = kinds[number % len(kinds)]
            raw.post(NAMES.requests, _KEY, properties, body(told, "effect", {}))
            confirmed = 0
            while raw.unsent > 1_000_000:
                confirmed = max(confirmed, *(one.tag for one in raw.turn(0.05)), 0)
        until = time.monotonic() + 30
        answered: set[int] = set()
        while len(answered) < count and time.monotonic() < until:
            for one in raw.turn(0.1):
                answered |= set(range(1, one.tag + 1)) if one.multiple else {one.tag}
    ledger.told("c", numbers)
    return frozenset(request_id(rig.run, number) for number in numbers)


async def poisoned(rig: Rig, scale: Scale) -> Figure:
    """Mix poison frames into good messages."""
    figure = Figure()
    async with Proxy(rig.url) as proxy:
        await rig.work(url=proxy.url)
        await rig.consuming(1)
        made = proxy.made
        await rig.publish(scale.messages, rate=scale.messages / scale.seconds, endless=True)
        poisonous: set[str] = set()
        worst = 0.0
        for _ in range(10):
            await rig.lasts(scale.seconds / 10)
            poisonous |= await asyncio.to_thread(publish_poison, rig, scale.faults // 10)
            worst = max(worst, await rig.effects_after(time.monotonic()))
        figure.count(await rig.reckon(within=scale.seconds + 60))
    dead = {seen.id for seen in rig.books.letters}
    figure.told |= {
        "poison": len(poisonous),
        "poison_dead_lettered": len(dead & poisonous),
        "innocents_dead_lettered": len(dead - poisonous),
        "connections_opened": proxy.made - made,
        "next_good_s": round(worst, 2),
    }
    figure.must(dead <= poisonous, "an innocent message was dead-lettered")
    figure.must(proxy.made - made <= 1, "the worker had to reconnect")
    # The short form runs beside other tests, on a machine that may be busy.
    promised = 1.0 if scale.faults >= FULL else 5.0
    figure.must(worst < promised, "the next good message came late")
    return figure


async def outage(rig: Rig, scale: Scale) -> Figure:
    """Let every attempt of a type fail in passing for a while, and then none.

    Beside it another type keeps its retries' schedule; the brake holds the first one's back.
    """
    figure = Figure()
    rig.outage_file.touch()
    await rig.work(count=2)
    await rig.consuming(2)
    await (await rig.publish(scale.messages, tasks=(("outage", {}),))).wait()
    await rig.publish(scale.messages // 2, tasks=BESIDE, rate=scale.messages / 2 / scale.seconds)
    await rig.lasts(scale.seconds)
    rig.outage_file.unlink()
    over = time.monotonic()
    figure.recovered_within(await rig.effects_after(over))
    figure.count(await rig.reckon(within=scale.seconds + 60))
    late = lateness(rig)
    figure.told |= {
        "retries_timed": len(late),
        "late_median_s": round(statistics.median(late), 3),
        "late_worst_s": round(max(late), 2),
        "early": sum(one < -0.02 for one in late),
    }
    figure.must(figure.dead == 0, "work was given up although its attempts were not spent")
    figure.must(figure.effects_doubled == 0, "work was done twice although nothing crashed")
    figure.must(figure.told["early"] == 0, "a retry came before its time")
    return figure


def lateness(rig: Rig) -> list[float]:
    """Return by how many seconds each retry beside the outage came after its rung's delay."""
    rungs = [rung.seconds for rung in parse_delays(RUNGS)]
    last: dict[str, effects.Effect] = {}
    late = []
    first = 2 * FIRST  # the numbers of the second order
    for tried in effects.Reader(rig.effects_file.with_name("effects" + effects.TRIES)).read():
        if (number_of(rig.run, tried.id) or 0) < first:
            continue
        before = last.get(tried.id)
        if before is not None and tried.attempt == before.attempt + 1:
            rung = rungs[min(before.attempt, len(rungs)) - 1]
            late.append(tried.at - before.at - rung)
        last[tried.id] = tried
    return late


ROWS: Final = (
    Row(
        name="poison frames",
        run=poisoned,
    ),
    Row(
        name="everything fails in passing, then nothing",
        run=outage,
    ),
)
