"""Processors that run in processes of their own, well or badly; imported by their children."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

from broker.killing import note

from messages import Payload, ProtocolModel
from workers import Context, Registry, Reject, Retry, RetryPolicy

registry = Registry()


class Declined(Exception):
    """Never tried again."""


class Hopeless(Declined):
    """One kind of it."""


class Deed(ProtocolModel):
    """Parameters: what to do, and where each start leaves a line with its process id."""

    what: Literal[
        "answer",
        "segfault",
        "exit",
        "leave",
        "spin",
        "sleep",
        "raise",
        "never",
        "reject",
        "retry",
        "start",
    ] = "answer"
    ledger: str = ""
    seconds: float = 0.0


class Done(ProtocolModel):
    """What the child saw."""

    pid: int
    parent: int
    attempt: int
    sender: str
    worker: str
    user: str | None
    header: object
    remaining: float | None
    envelope: str


def _do(deed: Deed, attempt: int) -> None:  # noqa: C901, PLR0912 - a flat list of deeds
    if deed.ledger:
        note(Path(deed.ledger), f"{os.getpid()} {time.monotonic()}")
    match deed.what:
        case "segfault":
            time.sleep(0.05)
            ctypes.string_at(0)
        case "exit":
            os._exit(3)
        case "leave":
            sys.exit()
        case "spin":
            held = bytearray(100_000_000)
            while held:
                pass
        case "start":
            started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            note(Path(deed.ledger), f"{started.pid} {time.monotonic()}")
            os.kill(os.getpid(), signal.SIGABRT)
        case "sleep":
            time.sleep(deed.seconds)
        case "raise":
            raise ValueError("a secret 4711")
        case "never":
            raise Hopeless
        case "reject":
            raise Reject("not like this")
        case "retry":
            if attempt == 1:
                raise Retry("once more", after=0.1)


@registry.task(
    "deed",
    parameters=Deed,
    executor="process",
    concurrency=2,
    time_limit=1.0,
    retries=1,
    retry=RetryPolicy(never=(Declined,)),
)
async def deed(deed: Deed, context: Context) -> Done:
    """Leave a line, then do as told."""
    _do(deed, context.attempt)
    return Done(
        pid=os.getpid(),
        parent=os.getppid(),
        attempt=context.attempt,
        sender=context.sender_id,
        worker=context.worker,
        user=context.user_id,
        header=context.headers.get("colour"),
        remaining=context.remaining(),
        envelope=str(context.envelope.envelope_id),
    )


def _hold(ledger: Path, deed: Deed) -> None:
    if deed.what == "answer" and ledger.exists():
        return
    note(ledger, f"{os.getpid()} {time.monotonic()}")
    until = time.monotonic() + deed.seconds
    while time.monotonic() < until:
        pass
    note(ledger, f"{os.getpid()} {time.monotonic()}")


@registry.task("patient", parameters=Deed, executor="process", concurrency=2, time_limit=60)
async def patient(deed: Deed, _context: Context) -> None:
    """Leave a line, hold the interpreter for so long unless it was here before; leave another."""
    _hold(Path(deed.ledger), deed)


class Number(Payload, type="number"):
    """A number."""

    value: int


class Doubled(Payload, type="doubled"):
    """Twice the number."""

    value: int
    pid: int


@registry.processor(Number, executor="process", concurrency=1)
async def double(number: Number, _context: Context) -> Doubled:
    """Answer with a payload."""
    await asyncio.sleep(0)
    return Doubled(value=2 * number.value, pid=os.getpid())
