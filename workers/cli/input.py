"""Where messages come from: a file, or a standard input that may be silent for an hour."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import threading
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from workers.cli import STDIN, WRONG_USE, Failure
from workers.cli.documents import LONGEST, TooLong, documents, joined

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

#: Bytes read at once of what has no lines.
PIECE: Final = 2**16
#: Messages read ahead of what is sent.
AHEAD: Final = 100


@contextmanager
def opened(file: str | None) -> Iterator[BinaryIO]:
    """Lend the file, or standard input for None; raises Failure when it cannot be read."""
    if file is None or file == STDIN:
        # A file object of our own: a reader that is left behind must not hold Python's.
        with open(os.dup(sys.stdin.fileno()), "rb") as source:  # noqa: PTH123 - it has no path
            yield source
        return
    try:
        source = Path(file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise Failure(
            f"cannot read {file} ({error.strerror}): give a file, or - for standard input",
            code=WRONG_USE,
        ) from error
    with source:
        yield source


async def bodies(source: BinaryIO, *, raw: bool) -> AsyncIterator[bytes]:
    """Yield the messages of a source; a slow one holds nothing else up.

    Raises Failure for what cannot be read, or is more than any broker takes.
    """
    found = _readable(_whole(source) if raw else documents(_lines(source)))
    if stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        for one in found:
            yield one
        return
    read: asyncio.Queue[bytes | Failure | None] = asyncio.Queue(AHEAD)
    loop = asyncio.get_running_loop()
    # A daemon, because a read of a silent pipe cannot be cancelled, and must not outlive Ctrl-C.
    threading.Thread(target=_pump, args=(found, read, loop), daemon=True).start()
    while (body := await read.get()) is not None:
        if isinstance(body, Failure):
            raise body
        yield body


async def of(made: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield what is at hand already."""
    for body in made:
        yield body


def _pump(
    found: Iterator[bytes],
    read: asyncio.Queue[bytes | Failure | None],
    loop: asyncio.AbstractEventLoop,
) -> None:
    def put(one: bytes | Failure | None) -> None:
        asyncio.run_coroutine_threadsafe(read.put(one), loop).result()

    with suppress(RuntimeError, CancelledError):  # the loop is closed: nobody wants it any more
        try:
            for body in found:
                put(body)
            put(None)
        except Failure as failure:  # or who waits for the next message would wait for ever
            put(failure)


def _readable(found: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the messages; raises Failure for whatever keeps the next one from being read."""
    try:
        yield from found
    except TooLong as error:
        raise Failure(str(error), code=WRONG_USE) from error
    except (OSError, MemoryError) as error:
        told = getattr(error, "strerror", None) or "it does not fit into the memory here"
        raise Failure(f"the input cannot be read on: {told}") from error


def _lines(source: BinaryIO) -> Iterator[bytes]:
    """Yield line by line, a too long one not longer than it takes to see that it is."""
    while line := source.readline(LONGEST + 1):
        yield joined([line])


def _whole(source: BinaryIO) -> Iterator[bytes]:
    yield joined(iter(lambda: source.read(PIECE), b""))
