"""Settings that hold several values: `a,b,c` in a variable, a list in `leveret.toml`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, PlainValidator
from pydantic_settings import NoDecode

from topology import Delay
from topology.delay import checked_ladder

#: Rungs of the retry ladder: each is a queue and an exchange at the broker.
MOST_RUNGS: Final = 16


def split(value: object) -> tuple[object, ...]:
    """Return the parts of `a, b` or of a list, without empty ones; raises ValueError."""
    match value:
        case str():
            return tuple(part for part in map(str.strip, value.split(",")) if part)
        case list() | tuple():
            return tuple(value)
        case _:
            raise ValueError("write a text with commas, such as one,two, or a list")


def rungs(value: object) -> tuple[Delay, ...]:
    """Return the retry ladder from `1s,10s,60s,10m` or a list; a bare number is seconds.

    Each delay is kept as it was written, because its queue is named after it. Raises ValueError.
    """
    ladder = checked_ladder(
        part if isinstance(part, Delay) else Delay.parse(_with_unit(str(part)))
        for part in split(value)
    )
    if len(ladder) > MOST_RUNGS:
        raise ValueError(
            f"{len(ladder)} retry delays are too many, each is a queue at the broker: "
            f"keep {MOST_RUNGS} or fewer"
        )
    return ladder


def _with_unit(text: str) -> str:
    return f"{text}s" if text.strip().isdecimal() else text


def _joined(parts: tuple[object, ...]) -> str:
    return ",".join(map(str, parts))


_AS_WRITTEN: Final = PlainSerializer(_joined, return_type=str, when_used="json")

#: Several texts.
Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split), _AS_WRITTEN]
#: The retry ladder, shortest delay first.
Rungs = Annotated[tuple[Delay, ...], NoDecode, PlainValidator(rungs), _AS_WRITTEN]
