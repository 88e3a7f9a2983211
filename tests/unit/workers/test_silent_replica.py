"""A replica whose loop stands still for good is ended; one that is only slow is left in peace."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from workers.replicas.pages import SILENT
from workers.replicas.replicas import Replicas, Start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATIENCE = 120.0


@pytest.fixture
async def scene() -> AsyncIterator[tuple[Replicas, asyncio.subprocess.Process]]:
    """Lend a supervisor with a process that says nothing."""
    replicas = Replicas(Start([], {}, 1.0), 1)
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = replicas._running[0] = await asyncio.create_subprocess_exec(*command)
    yield replicas, process
    if process.returncode is None:
        process.kill()
    await process.wait()


async def test_one_that_never_answers_is_killed(
    scene: tuple[Replicas, asyncio.subprocess.Process],
) -> None:
    """Once its time is over; whoever keeps it running starts it again."""
    replicas, process = scene
    replicas.end_silent({0: SILENT, 1: SILENT}, 0.0, patience=PATIENCE)
    replicas.end_silent({0: SILENT, 1: SILENT}, PATIENCE + 1, patience=PATIENCE)
    assert await process.wait() == -signal.SIGKILL
    replicas.end_silent({0: SILENT}, PATIENCE + 2, patience=PATIENCE)  # it is gone, and no error


@pytest.mark.parametrize("word", ["", "starting", "draining: the worker is leaving"])
async def test_one_that_answers_now_and_then_is_left_in_peace(
    scene: tuple[Replicas, asyncio.subprocess.Process], word: str
) -> None:
    """Its time begins anew with each word, whatever it says."""
    replicas, process = scene
    for now in range(0, 1_000, 100):
        replicas.end_silent({0: SILENT}, now, patience=PATIENCE)
        replicas.end_silent({0: word}, now + 50, patience=PATIENCE)
    assert process.returncode is None
