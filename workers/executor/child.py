"""The child process: imports one processor, and calls it for each errand that comes down the line.

It ends when the line is closed, which is how the end of its worker looks, whatever ended that. A
thread listens, so that this is noticed in the middle of the work too; and the system is asked to
kill it with its parent, for work that never lets another thread run.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Final, cast

from workers.executor import frames, reply
from workers.executor.errand import Called, Calling
from workers.executor.spent import Spent
from workers.logs import LogPlan, configure
from workers.logs.strays import hear_strays

#: From Linux's prctl.h: the signal that comes when the parent dies.
_PR_SET_PDEATHSIG: Final = 1


class Line:
    """The connection with the worker."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        #: What has come; None for its end.
        self.came: SimpleQueue[bytes | None] = SimpleQueue()
        #: Whether an errand is being done.
        self.busy = False

    def listen(self) -> None:
        """Queue what comes; at the end of the line, end the work too, and what it has started."""
        try:
            while True:
                self.came.put(frames.receive(self._exactly))
        except (EOFError, OSError, frames.Broken):
            self.came.put(None)
            if self.busy:
                os.killpg(0, signal.SIGKILL)

    def say(self, told: bytes) -> None:
        """Send packed frames."""
        self._connection.sendall(told)

    def _exactly(self, length: int) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            part = self._connection.recv(length - len(parts))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)


def main(descriptor: int) -> None:
    """Serve on this socket until it is closed."""
    _die_with_the_worker()
    line = Line(socket.socket(fileno=descriptor))
    threading.Thread(target=line.listen, name="line", daemon=True).start()
    with suppress(BrokenPipeError, ConnectionResetError):  # the worker is gone
        _serve(line)


def _serve(line: Line) -> None:
    hello = line.came.get()
    if hello is None:
        return
    try:
        called = _begin(Calling.read(hello))
    except BaseException as error:  # noqa: BLE001 - whatever a module raises when it is imported
        line.say(frames.pack(*reply.write_raised(error, _spent())))
        return
    line.say(frames.pack(*reply.write_ready(_spent())))
    with asyncio.Runner() as runner:
        hear_strays(runner.get_loop())
        while (facts := line.came.get()) is not None:
            envelope = line.came.get()
            if envelope is None:
                return
            line.busy = True
            ended = runner.run(_do(called, facts, envelope))
            line.busy = False
            line.say(ended)


def _begin(calling: Calling) -> Called:
    configure(LogPlan(form=calling.log_form, level=calling.log_level, worker=calling.worker))
    return Called(calling, lambda: datetime.now(UTC))


async def _do(called: Called, facts: bytes, envelope: bytes) -> bytes:
    try:
        return frames.pack(*reply.write_result(await called(facts, envelope), _spent()))
    except BaseException as error:  # noqa: BLE001 - told to the worker, where it is an outcome
        return frames.pack(*reply.write_raised(error, _spent()))


def _spent() -> Spent:
    own = Spent.of(resource.getrusage(resource.RUSAGE_SELF))
    return own.plus(Spent.of(resource.getrusage(resource.RUSAGE_CHILDREN)))


def _die_with_the_worker() -> None:
    """Ask the system to kill us with our parent; elsewhere than on Linux the line must do."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - Linux alone needs it

    with suppress(OSError, AttributeError):
        prctl = ctypes.CDLL(None).prctl
        cast("int", prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL)))
