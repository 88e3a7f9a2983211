"""Faults of the workers themselves: killed, stopped, asked to leave, started and ended by scale."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final

from faults.place import WORK
from faults.requests import number_of
from faults.rig import FIRST
from faults.row import Figure, Row
from faults.sabotage import CRASH, POINTS

if TYPE_CHECKING:
    from faults.rig import Rig
    from faults.scales import Scale

    #: Task types in turn, with their parameters.
    Tasks = tuple[tuple[str, dict[str, object]], ...]

#: Mostly work, some refused, some that needs a second attempt. Of the same type others need but
#: one: where all that a type has fails for a while, the brake holds it back, which is another row.
MIX: Final = (
    ("effect", {}),
    ("flaky", {}),
    ("effect", {}),
    ("reject", {}),
    ("effect", {}),
    ("flaky", {"failures": 1}),
)
#: As much of each as can be, for those that die where one of them is settled.
SETTLING: Final = (("effect", {}), ("flaky", {}), ("reject", {}), ("flaky", {"failures": 1}))
PREFETCH: Final = 50
#: Messages a second that one worker gets through on any machine, half of them twice.
SLOWEST: Final = 100
#: Looks in a row at an empty queue and a living worker, after which nobody dies any more.
CALM: Final = 20
#: Seconds without a turn: the broker ends a line after some heartbeats of one second.
HELD_UP: Final = 5.0
#: Numbers of the second order begin here.
LATER: Final = 2 * FIRST


async def kill(rig: Rig, scale: Scale, *, tasks: Tasks = MIX) -> Figure:
    """Kill one of two workers again and again, and start another for it."""
    figure = Figure()
    await rig.work(count=2, prefetch=PREFETCH)
    await rig.consuming(2)
    rate = scale.messages / scale.seconds
    await rig.publish(scale.messages, rate=rate, tasks=tasks, endless=True)
    for _ in range(scale.faults):
        await rig.lasts(rig.random.uniform(0.5, 1.5) * scale.seconds / scale.faults)
        victim = rig.random.choice(rig.workers)
        rig.workers.remove(victim)
        await victim.kill()
        await rig.work(prefetch=PREFETCH)
    killed = time.monotonic()
    figure.recovered_within(await rig.effects_after(killed))
    # Half of the time a worker here has just been started: what has piled up takes as long again.
    figure.count(await rig.reckon(within=3 * scale.seconds + 60))
    figure.told["kills"] = scale.faults
    figure.must(
        figure.effects_doubled <= PREFETCH * scale.faults,
        "more duplicates than deliveries were in flight",
    )
    return figure


async def crash(rig: Rig, scale: Scale, *, point: str) -> Figure:
    """Have one worker after another die at the same point of settling."""
    figure = Figure()
    await (await rig.publish(scale.messages, tasks=SETTLING)).wait()
    for _ in range(scale.faults):
        # A quarter of the messages comes to each point: there is enough for every fuse.
        fuse = rig.random.randint(1, 2 * scale.messages // (9 * scale.faults))
        (worker,) = await rig.work(prefetch=PREFETCH, **{CRASH: f"{point}:{fuse}"})
        figure.must(await worker.wait() == -signal.SIGKILL, "a worker did not die where it should")
        rig.workers.remove(worker)
    await rig.work(prefetch=PREFETCH)
    figure.count(await rig.reckon(within=60 + scale.messages / SLOWEST))
    figure.told["crashes"] = scale.faults
    figure.must(
        figure.effects_doubled <= PREFETCH * scale.faults,
        "more duplicates than deliveries were in flight",
    )
    return figure


async def roll(rig: Rig, scale: Scale, *, grace: float) -> Figure:
    """Replace replicas one after another while there is work that takes longer than a turn."""
    figure = Figure()
    work = 0.15
    await rig.work(count=3, drain_grace=grace, prefetch=PREFETCH)
    await rig.consuming(3)
    await rig.publish(
        scale.messages,
        rate=scale.messages / scale.seconds,
        tasks=(("effect", {"before": work}),),
        endless=True,
    )
    codes: Counter[int] = Counter()
    for _ in range(scale.faults):
        await rig.lasts(scale.seconds / scale.faults)
        leaving = rig.workers.pop(0)
        await rig.work(drain_grace=grace, prefetch=PREFETCH)
        leaving.signal(signal.SIGTERM)
        codes[await leaving.wait()] += 1
    figure.count(await rig.reckon(within=scale.seconds + 60))
    figure.told |= {"sigterms": scale.faults, "grace_s": grace, "work_s": work}
    figure.must(set(codes) == {0}, f"exit codes: {dict(codes)}")
    figure.must(figure.dead == 0, "healthy work was dead-lettered")
    figure.must(figure.effects_doubled == 0, "work was done twice although nothing crashed")
    return figure


async def freeze(rig: Rig, scale: Scale) -> Figure:
    """Stop one of two workers until the broker gives it up, then let it go on."""
    figure = Figure()
    await rig.work(count=2, prefetch=PREFETCH)
    await rig.consuming(2)
    await rig.publish(
        scale.messages,
        rate=scale.messages / (scale.seconds * scale.faults),
        tasks=(("effect", {"before": 0.01}),),
        endless=True,
    )
    for _ in range(scale.faults):
        victim = rig.random.choice(rig.workers)
        victim.signal(signal.SIGSTOP)
        await rig.lasts(scale.seconds)
        thawed = time.monotonic()
        victim.signal(signal.SIGCONT)
        await rig.consuming(2)
        figure.recovered_within(time.monotonic() - thawed)
    figure.count(await rig.reckon())
    figure.told["stopped_s"] = scale.seconds
    figure.must(figure.dead == 0, "healthy work was dead-lettered")
    figure.must(
        figure.effects_doubled <= PREFETCH * scale.faults,
        "more duplicates than deliveries were in flight",
    )
    return figure


async def scale_out(rig: Rig, scale: Scale) -> Figure:
    """Go from one replica to many and back to one under load."""
    figure = Figure()
    await rig.work(prefetch=20)
    await rig.consuming(1)
    await rig.publish(
        scale.messages,
        rate=scale.messages / scale.seconds,
        tasks=(("effect", {"before": 0.02}),),
        endless=True,
    )
    await rig.lasts(scale.seconds / 3)
    await rig.work(count=scale.faults - 1, prefetch=20)
    await rig.consuming(scale.faults)
    grown = time.monotonic()
    await rig.lasts(scale.seconds / 3)
    shrunk = time.monotonic()
    leaving = rig.workers[1:]
    del rig.workers[1:]
    for worker in leaving:
        worker.signal(signal.SIGTERM)
    codes = {await worker.wait() for worker in leaving}
    shares = Counter(one.pid for one in rig.effects() if grown <= one.at <= shrunk)
    figure.count(await rig.reckon(within=scale.seconds + 60))
    total = shares.total() or 1
    figure.told |= {
        "replicas": scale.faults,
        "least_share": round(min(shares.values(), default=0) / total, 2),
        "greatest_share": round(max(shares.values(), default=0) / total, 2),
    }
    figure.must(codes == {0}, f"exit codes: {codes}")
    figure.must(len(shares) == scale.faults, "a replica had nothing to do")
    figure.must(figure.effects_doubled == 0, "work was done twice although nothing crashed")
    return figure


async def killed_by(rig: Rig, scale: Scale, *, task: str, seconds: float = 0.0) -> Figure:
    """Send a body that ends its worker among innocents, with a supervisor that restarts it."""
    figure = Figure()
    await rig.work(prefetch=PREFETCH)
    await (await rig.publish(scale.messages, tasks=(("effect", {"before": 0.005}),))).wait()
    await (await rig.publish(scale.faults, tasks=((task, {"before": seconds}),))).wait()
    killers = {told for told in rig.books.page().sent if (number_of(rig.run, told) or 0) >= LATER}
    await rig.publish(scale.messages, tasks=(("effect", {"before": 0.005}),))
    deaths = 0

    def judged() -> bool:
        rig.books.collect()
        return killers <= {seen.id for seen in rig.books.letters}

    # One that is judged comes again where the worker died of another one before the ack.
    calm = 0
    while calm < CALM:
        over = await asyncio.to_thread(judged) and await asyncio.to_thread(rig.place.look, WORK)
        calm = calm + 1 if over and not over[0] else 0
        for worker in [one for one in rig.workers if one.code is not None]:
            rig.workers.remove(worker)
            deaths += 1
            calm = 0
            await rig.work(prefetch=PREFETCH)
        figure.must(deaths <= 20 * scale.faults, "it kills one worker after another")
        if figure.broken:
            break
        await asyncio.sleep(0.05)
    figure.count(await rig.reckon())
    dead = {seen.id for seen in rig.books.letters}
    figure.told |= {
        "killers": len(killers),
        "workers_killed": deaths,
        "innocents_dead_lettered": len(dead - killers),
        "codes": dict(Counter(seen.kind for seen in rig.books.letters)),
    }
    figure.must(dead <= killers, "an innocent message was dead-lettered")
    return figure


ROWS: Final = (
    Row(
        name="a body that kills its worker, prefetch 50",
        run=partial(killed_by, task="killer"),
    ),
    Row(
        name="a body that calls os._exit(0), prefetch 50",
        run=partial(killed_by, task="leaver"),
    ),
    Row(
        name="a body that holds its worker up past the heartbeat, prefetch 50",
        run=partial(killed_by, task="holder", seconds=HELD_UP),
    ),
    Row(
        name="worker kill -9",
        run=kill,
    ),
    *(
        Row(
            name=f"crash {point}",
            run=partial(crash, point=point),
        )
        for point in POINTS
    ),
    Row(
        name="rolling SIGTERM, grace longer than the work",
        run=partial(roll, grace=5.0),
    ),
    Row(
        name="rolling SIGTERM, grace shorter than the work",
        run=partial(roll, grace=0.05),
    ),
    Row(
        name="worker SIGSTOP",
        run=freeze,
    ),
    Row(
        name="replicas 1 → 8 → 1",
        run=scale_out,
    ),
)
