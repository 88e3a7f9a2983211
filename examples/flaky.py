"""`flaky` and `unreliable`: work that fails for a while, as networks and disks do.

Neither remembers anything between attempts, and no processor should: the next attempt may run in
another process on another machine. What is known of the past comes with `context.attempt`.
"""

from __future__ import annotations

import random
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from workers import Context, Registry, Retry

registry = Registry()

#: Seconds `unreliable` asks to be left alone for: the shortest usual rung.
SHORT_WHILE: Final = 1.0


class ServiceDownError(Exception):
    """Stands for whatever a library raises when the other side is not there."""


class FlakyParameters(BaseModel):
    """`failures` attempts fail before one succeeds; anything else is only echoed."""

    model_config = ConfigDict(frozen=True, extra="allow")

    failures: Annotated[int, Field(strict=True, ge=0, le=100)] = 1


class FlakyResult(BaseModel):
    """The parameters as they came."""

    model_config = ConfigDict(frozen=True, extra="allow")


@registry.task("flaky", parameters=FlakyParameters)
async def flaky(parameters: FlakyParameters, context: Context) -> FlakyResult:
    """Fail the first `failures` attempts, then answer with exactly the parameters that came.

    What it raises is an ordinary exception. The worker takes any of those for a passing trouble and
    tries again on the next rung, until the attempts are spent.
    """
    if context.attempt <= parameters.failures:
        raise ServiceDownError(f"failure {context.attempt} of {parameters.failures}")
    return FlakyResult(**parameters.model_dump(exclude_unset=True))


class UnreliableParameters(BaseModel):
    """How likely an attempt fails, and the seed that decides which ones do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    probability: Annotated[float, Field(ge=0, le=1)]
    seed: int = 0


class UnreliableResult(BaseModel):
    """How many attempts it took, and the number between 0 and 1 that the last one drew."""

    model_config = ConfigDict(frozen=True)

    attempts: int
    drawn: float


def drawn(seed: int, attempt: int) -> float:
    """Return the number between 0 and 1 that an attempt draws, always the same one."""
    return random.Random(f"{seed}/{attempt}").random()  # noqa: S311 - a die, not a secret


@registry.task("unreliable", parameters=UnreliableParameters)
async def unreliable(parameters: UnreliableParameters, context: Context) -> UnreliableResult:
    """Fail with the given probability, asking for another attempt after a second.

    `Retry` says what an exception cannot: how long the trouble is likely to last.
    """
    number = drawn(parameters.seed, context.attempt)
    if number < parameters.probability:
        raise Retry("the die said no", after=SHORT_WHILE)
    return UnreliableResult(attempts=context.attempt, drawn=number)
