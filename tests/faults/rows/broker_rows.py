"""Faults of the broker: killed, without its majority, out of memory or disk."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from faults.proxy import Proxy
from faults.row import Figure, Row

from workers.broker import with_vhost

if TYPE_CHECKING:
    from faults.crew import Child
    from faults.rig import Rig
    from faults.scales import Scale

    from workers.broker import Node

#: Heartbeats of a second and the longest back-off: what a recovery may take (reliability.md 1.7).
RECOVERY_WITHIN: Final = 3 * (1 + 1) + 10.0
NO_WORK: Final = (("effect", {}),)


async def kill(rig: Rig, scale: Scale) -> Figure:
    """Kill the only node and start it again, several times."""
    figure = Figure()
    await rig.work(count=2)
    await rig.consuming(2)
    await rig.publish(scale.messages, rate=scale.messages / scale.seconds, endless=True)
    pauses: list[float] = []
    for _ in range(scale.faults):
        await rig.until(
            lambda: rig.books.progress() > len(pauses) * scale.messages / (scale.faults + 1),
            what="progress between two kills",
        )
        died = time.monotonic()
        await asyncio.to_thread(rig.node.kill)
        await asyncio.to_thread(rig.node.start)
        back = time.monotonic()
        figure.recovered_within(await rig.effects_after(back))
        pauses.append(time.monotonic() - died)
    figure.count(await rig.reckon(within=scale.seconds + 60))
    figure.told |= {"kills": scale.faults, "pause_max_s": round(max(pauses), 1)}
    figure.must((figure.recovery or 0) < RECOVERY_WITHIN, "recovery took too long")
    return figure


def _balanced(rig: Rig) -> Proxy:
    """Return a load balancer before the cluster: a client's address names one host only."""
    return Proxy(*(with_vhost(node.amqp_url, rig.vhost) for node in rig.broker.nodes))


def leader_of(rig: Rig, queue: str) -> Node:
    """Return the node that leads a quorum queue."""
    told = rig.api._request("GET", f"/api/queues/{rig.vhost}/{queue}")
    return next(node for node in rig.broker.nodes if node.name == told["leader"])


async def kill_leader(rig: Rig, scale: Scale) -> Figure:
    """Kill the node that leads the work queue, and bring it back, several times."""
    figure = Figure()
    async with _balanced(rig) as proxy:
        await rig.work(count=2, url=proxy.url)
        await rig.consuming(2)
        rate = scale.messages / scale.seconds
        await rig.publish(scale.messages, rate=rate, url=proxy.url, endless=True)
        for strike in range(1, scale.faults + 1):
            await rig.until(
                lambda at=strike: rig.books.progress() > at * scale.messages / (scale.faults + 1),
                what="progress between two kills",
            )
            leader = await asyncio.to_thread(leader_of, rig, "leveret.work.default")
            await asyncio.to_thread(leader.kill)
            died = time.monotonic()
            figure.recovered_within(await rig.effects_after(died))
            await asyncio.to_thread(leader.start)
        figure.count(await rig.reckon(within=scale.seconds + 60))
    figure.told["kills"] = scale.faults
    figure.must((figure.recovery or 0) < RECOVERY_WITHIN, "recovery took too long")
    return figure


async def stop_nodes(rig: Rig, scale: Scale, *, stopped: int) -> Figure:
    """Stop some of three nodes for a while: with one the work goes on, with two it waits."""
    figure = Figure()
    async with _balanced(rig) as proxy:
        await rig.work(count=2, url=proxy.url)
        await rig.consuming(2)
        rate = scale.messages / scale.seconds
        await rig.publish(scale.messages, rate=rate, url=proxy.url, endless=True)
        await rig.until(lambda: rig.books.progress() > scale.messages / 10, what="some progress")
        victims = rig.broker.nodes[-stopped:]
        await asyncio.gather(*(asyncio.to_thread(node.kill) for node in victims))
        before = len(rig.effects())
        gone = time.monotonic()
        await rig.lasts(scale.seconds / 2)
        done = len(rig.effects()) - before
        await asyncio.gather(*(asyncio.to_thread(node.launch) for node in victims))
        await asyncio.gather(*(asyncio.to_thread(node.await_ready) for node in victims))
        back = time.monotonic()
        figure.recovered_within(await rig.effects_after(back))
        figure.count(await rig.reckon(within=scale.seconds + 60))
    figure.told |= {"stopped_s": round(back - gone, 1), "effects_meanwhile": done}
    if stopped == 1:
        figure.must(done, "nothing was done although a majority was up")
    figure.must((figure.recovery or 0) < RECOVERY_WITHIN, "recovery took too long")
    return figure


async def alarm(
    rig: Rig, scale: Scale, *, raised: tuple[str, ...], over: tuple[str, ...]
) -> Figure:
    """Raise an alarm: the broker takes nothing more until it is over."""
    figure = Figure()
    (worker,) = await rig.work()
    await rig.consuming(1)
    await (await rig.publish(scale.messages // 2)).wait()
    rate = scale.messages / 2 / scale.seconds
    await rig.publish(scale.messages // 2, rate=rate, endless=True)
    before = memory(worker)
    await asyncio.to_thread(rig.node.control, *raised)
    try:
        unready = await rig.until(
            lambda: not rig.ready(worker)[0], what="a worker that says it is held back"
        )
        reason = rig.ready(worker)[1]
        await rig.lasts(scale.seconds)
    finally:
        await asyncio.to_thread(rig.node.control, *over)
    ended = time.monotonic()
    figure.recovered_within(await rig.effects_after(ended))
    grown = memory(worker) - before
    figure.count(await rig.reckon(within=scale.seconds + 60))
    figure.told |= {"unready_s": round(unready, 1), "says": reason, "rss_grown_mb": round(grown, 1)}
    figure.must(figure.dead == 0, "healthy work was dead-lettered")
    figure.must(grown < 20, "memory grew while the broker held us back")
    return figure


def memory(worker: Child) -> float:
    """Return the memory a process holds, in MB."""
    pages = int(Path(f"/proc/{worker.pid}/statm").read_text(encoding="ascii").split()[1])
    return round(pages * 4096 / 2**20, 1)


ROWS: Final = (
    Row(
        name="broker kill -9",
        run=kill,
    ),
    Row(
        name="quorum leader kill -9",
        run=kill_leader,
        nodes=3,
    ),
    Row(
        name="1 of 3 nodes stopped",
        run=partial(stop_nodes, stopped=1),
        nodes=3,
    ),
    Row(
        name="2 of 3 nodes stopped",
        run=partial(stop_nodes, stopped=2),
        nodes=3,
    ),
    Row(
        name="memory alarm",
        run=partial(
            alarm,
            raised=("set_vm_memory_high_watermark", "absolute", "1MB"),
            over=("set_vm_memory_high_watermark", "absolute", "2GB"),
        ),
    ),
    Row(
        name="disk alarm",
        run=partial(
            alarm,
            raised=("set_disk_free_limit", "900000000000000"),
            over=("set_disk_free_limit", "50MB"),
        ),
    ),
)
