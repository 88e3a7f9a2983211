"""`count_primes`: work for a processor core, in a process of its own.

A thread would share the one interpreter lock with the event loop, and could not be stopped. With
`executor="process"` the function is called in a child process, which has a lock and a core of its
own and is killed at the time limit, or in a drain. Whatever it holds, it can hold up nobody else.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from examples.sieve import primes_below
from workers import Context, Registry

registry = Registry()


class PrimeParameters(BaseModel):
    """Count the primes smaller than `below`; for 100 million it takes half a second and 80 MB."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    below: Annotated[int, Field(ge=0, le=100_000_000)]


class PrimeCount(BaseModel):
    """How many primes there are below a number."""

    model_config = ConfigDict(frozen=True)

    below: int
    primes: int


@registry.task(
    "count_primes", parameters=PrimeParameters, executor="process", concurrency=2, time_limit=15
)
async def count_primes(parameters: PrimeParameters, _context: Context) -> PrimeCount:
    """Answer with the number of primes below a bound, without holding up anything else."""
    return PrimeCount(below=parameters.below, primes=primes_below(parameters.below))
