"""Replicas are looked after for as long as there are any."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from waiting import eventually

from workers.link.cancelling import cancelled
from workers.probes.health import Health
from workers.replicas import overseeing
from workers.replicas.overseeing import oversee
from workers.replicas.scaling import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest


class Weary:
    """Replicas of which the first look finds no thread to ask in."""

    wanted = 1

    def __init__(self) -> None:
        self.looks = 0
        self.on = asyncio.Event()

    async def readiness(self) -> dict[int, str]:
        """Return that the only one is ready."""
        self.looks += 1
        if self.looks == 1:
            raise RuntimeError("can't start new thread")
        await self.on.wait()
        return {0: ""}

    def end_silent(self, told: Mapping[int, str], now: float, *, patience: float) -> None:
        """End none."""


async def test_a_look_that_fails_is_not_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes are told that nobody knows, and after the next look how it is."""
    monkeypatch.setattr(overseeing, "LOOK_EVERY", 0.0)
    replicas: Any = Weary()
    health = Health()
    watching = asyncio.create_task(
        oversee(replicas, health, prefetch=1, limits=Limits(least=1, most=1), patience=1.0)
    )
    await eventually(lambda: replicas.looks == 2)
    assert overseeing.UNSEEN in (health.reason or "")
    replicas.on.set()
    await eventually(lambda: health.remark == "1 of 1 replica takes messages")
    assert overseeing.UNSEEN not in (health.reason or "")
    await cancelled(watching)
