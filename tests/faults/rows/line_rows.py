"""Faults of the line between worker and broker, made by the proxy."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from faults.frames import ACK
from faults.proxy import DOWN, UP, Proxy
from faults.row import Figure, Row
from faults.rows.worker_rows import MIX, PREFETCH
from faults.sabotage import CONFIRM_WITHIN
from faults.wirelog import acked_too_early

from workers.link.supervisor import LONGEST_WAIT

if TYPE_CHECKING:
    from faults.rig import Rig
    from faults.scales import Scale

#: Both ways, then each way alone.
HOLES: Final = ({UP, DOWN}, {UP}, {DOWN})
#: Seconds: the default heartbeat, where a line is dead for long enough to see it missed.
HEARTBEAT: Final = 15
#: Seconds beyond two heartbeats until a dead line is told: our two looks, and a busy machine.
NOTICED_WITHIN: Final = 4.0


def settled_last(figure: Figure, proxy: Proxy, rig: Rig) -> None:
    """Check on the wire that no ack came before its consequence was confirmed."""
    early = acked_too_early(proxy.log)
    if early:
        (rig.directory / "wire").write_text("\n".join(map(str, proxy.log)), encoding="utf-8")
    figure.told["acks_seen"] = sum(event.kind == "ack" for event in proxy.log)
    figure.must(not early, f"acked before its consequence was confirmed: {early[:3]}")


async def reset(rig: Rig, scale: Scale) -> Figure:
    """Reset every connection of the workers again and again."""
    figure = Figure()
    async with Proxy(rig.url) as proxy:
        await rig.work(count=2, url=proxy.url, prefetch=PREFETCH)
        await rig.consuming(2)
        rate = scale.messages / scale.seconds
        await rig.publish(scale.messages, rate=rate, tasks=MIX, endless=True)
        for _ in range(scale.faults):
            await rig.lasts(scale.seconds / scale.faults)
            cut = time.monotonic()
            proxy.reset()
        figure.recovered_within(await rig.effects_after(cut))
        figure.count(await rig.reckon(within=scale.seconds + 60))
        settled_last(figure, proxy, rig)
    figure.told["resets"] = scale.faults
    figure.must(
        figure.effects_doubled <= 2 * PREFETCH * scale.faults,
        "more duplicates than deliveries were in flight",
    )
    return figure


async def half_open(rig: Rig, scale: Scale) -> Figure:
    """Let bytes vanish without a word, both ways for long and then each way alone."""
    figure = Figure()
    heartbeat = HEARTBEAT if scale.seconds > 2 * HEARTBEAT else 1
    async with Proxy(rig.url) as proxy:
        # By default a worker leaves after two minutes without a line; here nobody starts it anew.
        (worker,) = await rig.work(
            url=proxy.url,
            prefetch=PREFETCH,
            amqp_heartbeat=heartbeat,
            patience=scale.seconds + 2 * HEARTBEAT + 60,
        )
        await rig.consuming(1)
        detected = []
        for hole in HOLES[: scale.faults]:
            half = scale.messages // scale.faults // 2
            await (await rig.publish(half, tasks=MIX)).wait()
            proxy.hole = hole
            vanished = time.monotonic()
            await rig.until(
                lambda: rig.ready(worker)[1].startswith("reconnecting"),
                what="a worker that notices",
            )
            detected.append(round(time.monotonic() - vanished, 1))
            if len(detected) == 1:
                await rig.lasts(max(0.0, scale.seconds - detected[-1]))
            proxy.hole = set()
            back = time.monotonic()
            await rig.publish(half, tasks=MIX)
            figure.recovered_within(await rig.effects_after(back))
            await rig.until(lambda: rig.ready(worker)[0], what="a worker that is back")
        figure.count(await rig.reckon())
        settled_last(figure, proxy, rig)
    figure.told |= {"heartbeat_s": heartbeat, "detected_s": detected}
    figure.must(max(detected) <= 2 * heartbeat + NOTICED_WITHIN, "it was noticed too late")
    figure.must(
        (figure.recovery or 0) <= 3 * (heartbeat + 1) + LONGEST_WAIT, "recovery took too long"
    )
    return figure


async def cut(rig: Rig, scale: Scale) -> Figure:
    """Cut the line in the middle of a frame."""
    figure = Figure()
    async with Proxy(rig.url) as proxy:
        await rig.work(url=proxy.url, prefetch=PREFETCH)
        await rig.consuming(1)
        rate = scale.messages / scale.seconds
        await rig.publish(scale.messages, rate=rate, tasks=MIX, endless=True)
        for _ in range(scale.faults):
            await rig.lasts(scale.seconds / scale.faults)
            proxy.cut_at = 300
            await rig.until(lambda: not proxy.cut_at, what="a frame to cut")
            cut_off = time.monotonic()
            figure.recovered_within(await rig.effects_after(cut_off))
        figure.count(await rig.reckon(within=scale.seconds + 60))
        settled_last(figure, proxy, rig)
    figure.told["cuts"] = scale.faults
    return figure


async def swallow(rig: Rig, scale: Scale, *, up: bool) -> Figure:
    """Let every 50th confirm, or ack, vanish."""
    figure = Figure()
    async with Proxy(rig.url) as proxy:
        proxy.swallow[ACK, up] = scale.faults
        await rig.work(count=2, url=proxy.url, prefetch=PREFETCH, **{CONFIRM_WITHIN: "1"})
        await rig.consuming(2)
        publisher = await rig.publish(scale.messages, rate=scale.messages / scale.seconds)
        await publisher.wait(scale.seconds + 60)
        confirmed = rig.books.progress()
        await rig.until(
            lambda: len({one.id for one in rig.effects()}) >= confirmed, what="everything done"
        )
        # What was acked into the void is with the worker, as the broker sees it.
        proxy.swallow.clear()
        proxy.reset()
        await rig.consuming(2)
        figure.count(await rig.reckon(within=scale.seconds + 60))
        settled_last(figure, proxy, rig)
    figure.told["swallowed"] = proxy.swallowed
    figure.must(proxy.swallowed, "nothing was swallowed")
    return figure


ROWS: Final = (
    Row(name="TCP reset", run=reset),
    Row(name="half-open line", run=half_open),
    Row(name="cut in mid-frame", run=cut),
    Row(
        name="every 50th confirm swallowed",
        run=partial(swallow, up=DOWN),
    ),
    Row(
        name="every 50th ack swallowed",
        run=partial(swallow, up=UP),
    ),
)
