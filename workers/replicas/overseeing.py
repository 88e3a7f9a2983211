"""What a supervisor sees of its replicas each second: what it tells probes, and how many it has."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING, Final

from workers.counting import plural
from workers.replicas.scaling import Limits, Load, Trend, decide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers.probes.health import Health
    from workers.replicas.replicas import Replicas

log = logging.getLogger("leveret.replicas")

#: Seconds between looks.
LOOK_EVERY: Final = 1.0
#: Replicas whose trouble is told one by one.
MOST_TOLD: Final = 5
#: What is in the way while nobody knows how the replicas are.
UNSEEN: Final = "the replicas could not be looked at; the log says why"


def summary(told: Mapping[int, str]) -> tuple[str | None, str]:
    """Return why a supervisor is not ready, or None; and what there is to say while it is.

    `told` is what is in the way of each replica, empty where nothing is.
    """
    if not told:
        return "no replica runs", ""
    trouble = [f"replica {number}: {why}" for number, why in sorted(told.items()) if why]
    more = [f"and {len(trouble) - MOST_TOLD} more"] if len(trouble) > MOST_TOLD else []
    ready = len(told) - len(trouble)
    shown = trouble[:MOST_TOLD] + more
    if not ready:
        return "; ".join([f"none of {plural(len(told), 'replica')} takes messages", *shown]), ""
    taking = plural(len(told), "replica takes", "replicas take")
    return None, "; ".join([f"{ready} of {taking} messages", *shown])


async def oversee(
    replicas: Replicas, health: Health, *, prefetch: int, limits: Limits, patience: float
) -> None:
    """Look again and again until cancelled, and let the number follow the load within limits.

    A replica that does not answer for `patience` seconds is ended, to be started again.
    """
    trend = Trend()
    while True:
        try:
            told = await replicas.readiness()
            replicas.end_silent(told, monotonic(), patience=patience)
            reason, health.remark = summary(told)
            health.line("consuming", reason)
            if not health.leaving and limits.least < limits.most:
                trend = await _follow(replicas, prefetch, trend, limits)
        except Exception:  # nobody looks after replicas that are looked at no more
            log.exception("the replicas could not be looked at; they are again in a moment")
            health.line("consuming", UNSEEN)
        await asyncio.sleep(LOOK_EVERY)


async def _follow(replicas: Replicas, prefetch: int, trend: Trend, limits: Limits) -> Trend:
    """Have as many replicas as the load wants, and return how it goes on."""
    load = await _load(replicas, prefetch)
    wanted, trend = decide(load, trend, monotonic(), limits)
    if wanted != load.wanted:
        log.info(
            "%s instead of %d: %.0f %% full", plural(wanted, "replica"), load.wanted, _full(load)
        )
        replicas.resize(wanted)
    return trend


async def _load(replicas: Replicas, prefetch: int) -> Load:
    pages = await replicas.pages("/metrics")
    held = await replicas.total("leveret_in_flight", pages)
    return Load(replicas.wanted, len(pages), held / (prefetch * max(1, len(pages))))


def _full(load: Load) -> float:
    return load.share * 100
