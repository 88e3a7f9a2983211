"""A child process as its worker sees it: started, given one errand at a time, killed, reaped."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import orjson

from workers.executor import frames
from workers.executor.ends import died, signal_name, unready
from workers.executor.reply import READY, result_of, spent_of
from workers.executor.spent import Spent

if TYPE_CHECKING:
    from workers.executor.errand import Calling
    from workers.outcome import ProcessUse

#: Seconds a child gets to import what it needs.
READY_WITHIN: Final = 60.0
#: Seconds between the end of a child's line and that of the child, and the other way round.
APART: Final = 2.0
#: Run by `python -c`: finds modules where the worker finds them. Behind it stand the descriptor of
#: the line, the route (for whoever looks at a list of processes), and the worker's path.
_BOOT: Final = (
    "import sys; sys.path[:] = sys.argv[3:]; del sys.argv[3:]; "
    "from workers.executor.child import main; main(int(sys.argv[1]))"
)


class Child:
    """One process; `ended` is its exit code, once it has one."""

    def __init__(self, route: str, program: subprocess.Popen[bytes]) -> None:
        self._loop = asyncio.get_running_loop()
        self._route = route
        self._program = program
        self._reaping = threading.Lock()
        self._reaped = False
        #: What it had used when it was last heard of; all of it, once it has ended.
        self._before = self._spent = Spent()
        self._began = monotonic()
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        threading.Thread(target=self._reap, name=f"reap {program.pid}", daemon=True).start()

    @classmethod
    async def start(cls, route: str, calling: Calling) -> Child:
        """Return a child that is ready; raises Afar where it does not get so far."""
        ours, theirs = socket.socketpair()
        path = [entry or os.getcwd() for entry in sys.path]  # noqa: PTH109 - sys.path is text
        command = [sys.executable, "-c", _BOOT, str(theirs.fileno()), route, *path]
        try:
            with theirs:
                # From the loop's own thread, though it takes a millisecond or two: a child dies
                # with the thread that started it. A session of its own keeps a terminal's Ctrl-C
                # from it. What it prints goes where logs go.
                program = subprocess.Popen(  # noqa: S603, ASYNC220 - ours; see above
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=2,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
        except OSError as error:
            ours.close()
            raise unready(route, error.strerror or "the system refuses", "OSError") from error
        child = cls(route, program)
        try:
            child._reader, child._writer = await asyncio.open_unix_connection(sock=ours)
            async with asyncio.timeout(READY_WITHIN):
                await child._be_ready(calling)
        except TimeoutError:
            await child.kill()
            raise unready(route, f"not ready in {READY_WITHIN:g} s", "TimeoutError") from None
        except BaseException:
            await child.kill()
            raise
        return child

    async def _be_ready(self, calling: Calling) -> None:
        facts, _ = await self._exchange(calling.written())
        if facts["end"] != READY:
            raise unready(self._route, facts["reason"], facts["exception"])

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._program.pid

    async def do(self, facts: bytes, envelope: bytes) -> object:
        """Return what the processor returns for an errand, or raise Reject, Retry or Afar."""
        told, body = await self._exchange(facts, envelope)
        return result_of(told, body, self._use())

    async def kill(self) -> ProcessUse:
        """End it now, with all it has started; returns what the last errand used."""
        self._signal()
        await asyncio.shield(self.ended)
        self._close()
        return self._use()

    async def dismiss(self) -> None:
        """Let it end by itself, which it does at the end of its line; else kill it."""
        self._close()
        await asyncio.wait([self.ended], timeout=APART)
        await self.kill()

    async def _exchange(self, *sent: bytes) -> tuple[dict[str, Any], bytes]:
        """Send frames and return the reply; raises Afar when the child ends instead."""
        self._before, self._began = self._spent, monotonic()
        self._writer.write(frames.pack(*sent))
        hearing = asyncio.ensure_future(self._hear())
        try:
            either: tuple[asyncio.Future[Any], ...] = (hearing, self.ended)
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            # It may have answered with its last breath; or what it started holds its line open.
            await asyncio.wait([hearing], timeout=APART)
            told, body = hearing.result()
        except (OSError, EOFError, ValueError, frames.Broken, asyncio.InvalidStateError):
            await asyncio.wait([self.ended], timeout=APART)
            use = await self.kill()
            raise died(self._route, self.ended.result(), use) from None
        finally:
            hearing.cancel()
        self._spent = spent_of(told)
        return told, body

    async def _hear(self) -> tuple[dict[str, Any], bytes]:
        facts = await frames.read(self._reader)
        return orjson.loads(facts), await frames.read(self._reader)

    def _use(self) -> ProcessUse:
        code = self.ended.result() if self.ended.done() else 0
        return self._spent.since(self._before, monotonic() - self._began, signal_name(code))

    def _close(self) -> None:
        if hasattr(self, "_writer"):
            self._writer.close()

    def _signal(self) -> None:
        """Kill its group; a reaped child's number may be somebody else's already."""
        with self._reaping, suppress(ProcessLookupError, PermissionError):
            if not self._reaped:
                os.killpg(self.pid, signal.SIGKILL)

    def _reap(self) -> None:
        """Wait for its end, end with it what it has started, and take its figures."""
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self._signal()
        with self._reaping:
            _, status, used = os.wait4(self.pid, 0)
            self._reaped = True
        code = os.waitstatus_to_exitcode(status)
        self._program.returncode = code  # so that nobody waits for it again
        with suppress(RuntimeError):  # the loop is closed, and nobody asks
            self._loop.call_soon_threadsafe(self._gone, code, Spent.of(used))

    def _gone(self, code: int, spent: Spent) -> None:
        self._spent = spent
        if not self.ended.done():
            self.ended.set_result(code)
