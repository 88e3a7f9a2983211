"""`count_primes`: work for a processor core, in a process of its own.

A thread would share the one interpreter lock with the event loop, and could not be stopped. A
process has a lock and a core of its own, and can be killed: at the time limit, or in a drain.
Starting one costs 10 to 20 ms, so this is for work that takes longer than that.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from workers import Context, Registry

registry = Registry()

#: The program that is started: by its path, so that nothing in the working directory can stand in.
_SIEVE: Final = Path(__file__).with_name("sieve.py")
#: Isolated from the environment and without site-packages: quicker to start, nothing to inherit.
_ALONE: Final = ("-I", "-S")


class PrimeParameters(BaseModel):
    """Count the primes smaller than `below`; for 100 million it takes half a second and 80 MB."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    below: Annotated[int, Field(ge=0, le=100_000_000)]


class PrimeCount(BaseModel):
    """How many primes there are below a number."""

    model_config = ConfigDict(frozen=True)

    below: int
    primes: int


class SieveError(Exception):
    """The process ended without a count: out of memory, or killed from outside."""


@registry.task("count_primes", parameters=PrimeParameters, concurrency=2, time_limit=20)
async def count_primes(parameters: PrimeParameters, _context: Context) -> PrimeCount:
    """Answer with the number of primes below a bound, without holding up anything else.

    Whatever ends this attempt early also ends the process.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *_ALONE,
        str(_SIEVE),
        str(parameters.below),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        written, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise SieveError(f"the process ended with status {process.returncode}")
    return PrimeCount(below=parameters.below, primes=int(written))
