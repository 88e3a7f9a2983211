"""kill -9 in every step of an action: nothing is lost, and the next action ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from broker.letters import NAMES, WORK, bench, held, open_ids, prepare, write
from broker.replaying import QUICK

from workers.deadletters import Ending, Reader, Selection

TESTS = Path(__file__).parent.parent


@pytest.fixture
async def url(amqp_url: str) -> str:
    """Return a broker with the topology on it."""
    await prepare(amqp_url)
    return amqp_url


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
    url: str, verb: str, step: str, number: int
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
    told = {deed.verb: deed.outcome for deed in await workbench.history()}
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
    assert told == ({} if step == "before the first note" else {verb: "interrupted"})
    standing = (await bench(url).ls()).standing
    assert (standing.open, standing.left_over) == (0, 0)
