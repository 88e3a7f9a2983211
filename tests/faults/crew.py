"""Processes of a run, as seen by the harness: born, signalled, awaited."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import orjson

if TYPE_CHECKING:
    from faults.nursery import Birth

#: The directory of the tests: where `faults` is imported from.
TESTS: Final = Path(__file__).resolve().parent.parent


class Child:
    """One process."""

    def __init__(self, pid: int, ended: asyncio.Future[int], log: Path) -> None:
        self.pid = pid
        self.log = log
        self._ended = ended

    @property
    def code(self) -> int | None:
        """Its exit code, negative for a signal; None while it lives."""
        return self._ended.result() if self._ended.done() else None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; nothing if it is gone."""
        if not self._ended.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def wait(self, within: float = 60.0) -> int:
        """Return its exit code when it has ended."""
        async with asyncio.timeout(within):
            return await asyncio.shield(self._ended)

    async def kill(self) -> None:
        """End it as a crash would."""
        self.signal(signal.SIGKILL)
        await self.wait()


class Crew:
    """Asks the nursery for processes; use it as an async context manager."""

    def __init__(self) -> None:
        self._ended: dict[int, asyncio.Future[int]] = {}
        self._births: asyncio.Queue[int] = asyncio.Queue()
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Start the nursery."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "faults.nursery",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            cwd=TESTS.parent,
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the nursery and all that it bore."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reader

    async def bear(self, birth: Birth) -> Child:
        """Return the process, running."""
        assert self._process.stdin is not None
        async with self._one_at_a_time, asyncio.timeout(30):
            self._process.stdin.write(birth.line())
            pid = await self._births.get()
        return Child(pid, self._ended[pid], Path(birth.log))

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = orjson.loads(line)
            if "born" in told:
                self._ended[told["born"]] = asyncio.get_running_loop().create_future()
                self._births.put_nowait(told["born"])
            else:
                self._ended.pop(told["ended"]).set_result(told["code"])
