"""Processors that kill their own worker process, for a worker in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

from messages import ProtocolModel
from workers import Context, Registry

registry = Registry()


class Word(ProtocolModel):
    """Parameters: whether to kill, and where each start leaves a line."""

    kills: bool = False
    #: The exit code it kills with; None for a signal.
    exits: int | None = None
    seconds: float = 0.0
    ledger: str


def note(ledger: Path, line: str) -> None:
    """Add a line that outlives us."""
    with ledger.open("a") as lines:
        lines.write(f"{line}\n")


@registry.task("word", parameters=Word)
async def word(word: Word, context: Context) -> Word:
    """Leave a line, then die or answer."""
    note(Path(word.ledger), str(context.envelope.envelope_id))
    if word.kills and word.exits is not None:
        os._exit(word.exits)
    if word.kills:
        os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(word.seconds)
    return word


@registry.task("stubborn", parameters=Word)
async def stubborn(word: Word, context: Context) -> Word:
    """Leave a line, and swallow every cancellation."""
    note(Path(word.ledger), str(context.envelope.envelope_id))
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(600)
