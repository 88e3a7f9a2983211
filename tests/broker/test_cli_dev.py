"""`leveret dev` on a real broker: what it tells others, and what comes of it once that is dead."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from workers.broker.processes import marked_processes
from workers.cli import NO_BROKER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from workers.broker import PrivateBroker

#: Seconds for a broker and its workers to start, and for all of it to end on a busy machine:
#: less than the grace that workers have where there is a broker.
STARTS_WITHIN = 90.0
ENDS_WITHIN = 20.0


@asynccontextmanager
async def playing(url: str | None = None, *flags: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Lend a `leveret dev` whose output goes to pipes; it and all that it started is ended."""
    environment = {key: value for key, value in os.environ.items() if "LEVERET_" not in key}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers.cli", "dev", "--workers", "1", "--count", "20", *flags),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment if url is None else environment | {"LEVERET_AMQP_URL": url},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(ENDS_WITHIN):
            await process.communicate()


async def exported(stream: asyncio.StreamReader | None) -> str:
    """Return the line for another terminal, read while the play goes on."""
    assert stream is not None
    async with asyncio.timeout(STARTS_WITHIN):
        async for line in stream:
            if line.startswith(b"export "):
                return line.decode().strip()
    raise AssertionError("the line for another terminal never came")


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    """Return the exit code and what was printed."""
    async with asyncio.timeout(ENDS_WITHIN):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_broker_that_is_killed_ends_it_and_is_told() -> None:
    """In a few seconds, with what to do; the workers are ended, and that is no success."""
    async with playing() as process:
        line = await exported(process.stdout)
        assert line.startswith("export LEVERET_AMQP_URL=amqp://guest:guest@127.0.0.1:")
        assert line.endswith(" LEVERET_PREFIX=leveret")
        found = [one for one in marked_processes() if one.owner.startswith(f"{process.pid}.")]
        (beam,) = [one for one in found if _name(one.pid).startswith("beam")]
        os.kill(beam.pid, signal.SIGKILL)
        code, _, err = await ended(process)
    assert code == NO_BROKER
    assert "the broker has gone (exit 137, SIGKILL)" in err
    assert "start anew with `leveret dev`" in err.splitlines()[-1]
    assert not beam.directory.exists()


async def test_a_broker_of_theirs_that_is_away_is_told_and_is_no_success(
    own: PrivateBroker,
) -> None:
    """It may come back, so it goes on until it is told to end; standard output is for programs."""
    (node,) = own.nodes
    async with playing(own.amqp_url, "--json") as process:
        line = await exported(process.stderr)
        assert line == f"export LEVERET_AMQP_URL={own.amqp_url} LEVERET_PREFIX=leveret-dev"
        try:
            node.kill()
            assert process.stderr is not None
            async with asyncio.timeout(ENDS_WITHIN):
                while not (await process.stderr.readline()).startswith(b"leveret: "):
                    pass
            process.send_signal(signal.SIGINT)
            code, out, err = await ended(process)
        finally:
            node.start()
    assert (code, out) == (NO_BROKER, "")
    assert f"no broker answers at {own.amqp_url.replace('guest:guest@', '')}" in err


async def test_a_play_that_is_ended_by_hand_is_a_success(amqp_url: str) -> None:
    """The lines for others come first, the last picture after them."""
    async with playing(amqp_url) as process:
        await exported(process.stdout)
        process.send_signal(signal.SIGINT)
        code, out, _ = await ended(process)
    assert code == 0
    assert out.splitlines()[0].startswith("leveret publish --task echo")
    assert "every message comes to one end" in out


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8")
