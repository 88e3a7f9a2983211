"""What the workers under fire do: have an effect, fail, say no, or die."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Final

from faults import effects
from pydantic import BaseModel, ConfigDict

from workers import Context, Registry, Reject

registry = Registry()

#: Names a file; while it is there, everything fails in passing.
OUTAGE: Final = "FAULTS_OUTAGE"


class Work(BaseModel):
    """How the work goes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: It takes so long, before or after its effect.
    before: float = 0.0
    after: float = 0.0
    #: Characters its answer holds.
    size: int = 0
    #: Attempts that fail.
    failures: int = 0


@registry.task("effect", parameters=Work)
async def effect(work: Work, context: Context) -> dict[str, object]:
    """Have an effect."""
    if work.before:
        await asyncio.sleep(work.before)
    effects.had(str(context.envelope.envelope_id), context.attempt)
    if work.after:
        await asyncio.sleep(work.after)
    return {"padding": "x" * work.size}


@registry.task("flaky", parameters=Work)
async def flaky(work: Work, context: Context) -> dict[str, object]:
    """Fail a few times, then have an effect."""
    if context.attempt <= work.failures:
        effects.tried(str(context.envelope.envelope_id), context.attempt)
        raise ConnectionError("in passing")
    effects.had(str(context.envelope.envelope_id), context.attempt)
    return {}


@registry.task("outage", parameters=Work, retries=40)
async def outage(_work: Work, context: Context) -> dict[str, object]:
    """Fail in passing as long as a file is there, then have an effect."""
    if Path(os.environ[OUTAGE]).exists():  # noqa: ASYNC240 - a look at a file of ours
        effects.tried(str(context.envelope.envelope_id), context.attempt)
        raise ConnectionError("the other side is away")
    effects.had(str(context.envelope.envelope_id), context.attempt)
    return {}


@registry.task("reject", parameters=Work)
async def reject(_work: Work, _context: Context) -> dict[str, object]:
    """Say no."""
    raise Reject("not this one")


@registry.task("leaver", parameters=Work)
async def leaver(_work: Work, _context: Context) -> dict[str, object]:
    """Take the whole process along, and make it look like a leave that was asked for."""
    os._exit(0)


@registry.task("holder", parameters=Work)
async def holder(work: Work, _context: Context) -> dict[str, object]:
    """Give nobody else a turn."""
    time.sleep(work.before)  # noqa: ASYNC251 - the very mistake
    return {}


@registry.task("killer", parameters=Work)
async def killer(_work: Work, _context: Context) -> dict[str, object]:
    """Take the whole process along."""
    os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(60)
    return {}
