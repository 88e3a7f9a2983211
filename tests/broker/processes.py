"""A worker in processes of its own, as `leveret run` starts them, ended with the test."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TESTS: Final = Path(__file__).parents[1]
#: Seconds for a worker to leave once it is told.
LEAVES_WITHIN: Final = 20.0


@asynccontextmanager
async def running(
    url: str,
    registry: str,
    *flags: str,
    stderr: IO[bytes] | None = None,
    verb: str = "run",
    **settings: object,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Lend a `leveret run` of a registry, or another verb; settings are the environment's.

    What it logs goes to `stderr`, where one is given.
    """
    given = {"retry_delays": "200ms,400ms", "http_port": 0} | settings
    environment = {key: value for key, value in os.environ.items() if "LEVERET_" not in key} | {
        "PYTHONPATH": str(TESTS),
        "LEVERET_AMQP_URL": url,
        **{f"LEVERET_{name.upper()}": str(value) for name, value in given.items()},
    }
    command = [sys.executable, "-m", "workers.cli", verb, registry, *flags]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=stderr)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(LEAVES_WITHIN):
                await process.wait()
