"""An action on dead letters, carried out before the eyes of a person, who may stop it by Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import aclosing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from workers.cli import DONE, FAILED, run_lines
from workers.cli.columns import SHORT, wrapped
from workers.cli.say import say, write
from workers.cli.streams import unwritten
from workers.counting import plural
from workers.deadletters import Ending, Phase, Progress, Verdict
from workers.deadletters.tasks import FAIL_AGAIN
from workers.logs.clean import clean

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from workers.deadletters import Running

#: Seconds between two lines where there is no terminal to draw a bar on.
LINE_EVERY: Final = 5.0


async def carried_out(running: Running, *, json: bool) -> int:
    """Carry it out, tell how it goes, and return the exit code."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, running.stop)
    loop.add_signal_handler(signal.SIGTERM, running.stop)
    try:
        return await _told(running, json=json)
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)


async def _told(running: Running, *, json: bool) -> int:
    async with aclosing(running.__aiter__()) as steps:
        await _followed(steps, json=json)
    over = running.progress
    if not json:
        with suppress(OSError):
            _sum_up(over)
    return DONE if _went_well(over) else FAILED


async def _followed(steps: AsyncIterator[Progress], *, json: bool) -> None:
    """Go through it step by step, and tell each for as long as somebody reads.

    Letters are on their way: whoever reads no more (`| head -1`) did not ask to have them stopped.
    """
    if json:
        tell = _documents()
        async for now in steps:
            tell(now)
    elif sys.stderr.isatty():
        with Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        ) as bar:
            row = bar.add_task("", total=None)
            tell = _canaries(lambda text: bar.console.print(f"leveret: {text}", markup=False))
            async for now in steps:
                tell(now)
                bar.update(row, description=now.phase.value, completed=now.done, total=now.total)
    else:
        tell = _lines()
        async for now in steps:
            with suppress(OSError):
                tell(now)


def _documents() -> Callable[[Progress], None]:
    """Return what prints the progress as JSON, until standard output takes no more."""
    unread = False

    def tell(now: Progress) -> None:
        nonlocal unread
        if not unread:
            unread = True
            with though_unread():
                write(orjson.dumps(_document(now)) + b"\n")
                unread = False

    return tell


@contextmanager
def though_unread() -> Iterator[None]:
    """Print something of an action that is to be done whether or not somebody reads it."""
    try:
        yield
    except OSError as error:
        unwritten(error)
        with suppress(OSError):
            say(
                f"standard output takes no more ({error.strerror or 'nobody reads it'}); the "
                "action goes on, and `leveret dlq history` tells how it ends"
            )


def _lines() -> Callable[[Progress], None]:
    """Return what tells the progress a line at a time, and not too many of them."""
    last: tuple[float, Phase | None] = (0.0, None)
    tell_canaries = _canaries(_say)

    def tell(now: Progress) -> None:
        nonlocal last
        tell_canaries(now)
        then, phase = last
        if now.phase is not Phase.OVER and (
            now.phase is not phase or time.monotonic() - then > LINE_EVERY
        ):
            say(run_lines.progress(now))
            last = time.monotonic(), now.phase

    return tell


def _canaries(put: Callable[[str], None]) -> Callable[[Progress], None]:
    """Return what tells of each first letter, once it is known."""
    told: set[str] = set()

    def tell(now: Progress) -> None:
        for one in now.canaries:
            if one.verdict is not Verdict.WAITING and one.fingerprint not in told:
                told.add(one.fingerprint)
                put(run_lines.canary(one))

    return tell


def _went_well(over: Progress) -> bool:
    """Whether all was done but for what nobody promised."""
    left = sum(n for reason, n in over.kept.items() if not reason.startswith(FAIL_AGAIN))
    return over.ending is Ending.DONE and not left and not over.unremoved


def _sum_up(over: Progress) -> None:
    """Say how it ended, and what to do about what is left."""
    ended = {
        Ending.DONE: "done",
        Ending.STOPPED: "stopped",
        Ending.HALTED: "halted",
        Ending.FAILED: "failed",
        None: "interrupted",
    }[over.ending]
    say(f"{over.verb} {ended}: {plural(over.done, 'letter')} in {over.seconds:.1f} s")
    if became := run_lines.outcome(over):
        _say(f"of these: {became}")
    for halt in over.halts:
        _say(
            f"halted {halt.fingerprint[:SHORT]}: {halt.letter_id[:SHORT]} failed "
            f"with {clean(halt.error_code)}: {clean(halt.reason, 200)}"
        )
    if over.kept:
        say(f"{plural(sum(over.kept.values()), 'letter')} stay dead letters:")
        for line in run_lines.counted(over.kept).splitlines():
            say(line)
    for count, what in (
        (over.gone, "were not there any more: somebody else was quicker"),
        (over.unremoved, "were sent and still lie in the queue; the next action removes them"),
        (over.finished, "were left over from an interrupted action and are removed"),
        (over.unnoted, "have no note in the journal"),
    ):
        if count:
            _say(f"{plural(count, 'letter')} {what}")
    if over.why:
        _say(over.why)


def _say(text: str) -> None:
    for line in wrapped(text):
        say(line)


def _document(now: Progress) -> dict[str, Any]:
    return {
        "run": now.run,
        "verb": now.verb,
        "phase": now.phase.value,
        "total": now.total,
        "done": now.done,
        "kept": now.kept,
        "succeeded": now.succeeded,
        "returned": now.returned,
        "retrying": now.retrying,
        "unknown": now.unknown,
        "canaries": now.canaries,
        "halts": now.halts,
        "gone": now.gone,
        "unremoved": now.unremoved,
        "finished": now.finished,
        "seconds": round(now.seconds, 3),
        "rate": now.rate,
        "ending": now.ending.value if now.ending else None,
        "why": now.why,
    }
