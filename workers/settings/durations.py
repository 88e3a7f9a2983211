"""Seconds and bytes as people write them: `250ms`, `1.5s`, `10m`; `512KiB`, `1MiB`."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer

#: Longest unit first, so that a duration is written with the largest one that fits.
_SECONDS: Final = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_BYTES: Final = {"gib": 2**30, "mib": 2**20, "kib": 2**10, "b": 1}
_NUMBER: Final = r"(?P<number>[0-9]{1,12}(?:\.[0-9]{1,6})?)\s*"
_DURATION: Final = re.compile(_NUMBER + r"(?P<unit>ms|s|m|h|d)?", re.ASCII)
_SIZE: Final = re.compile(_NUMBER + r"(?P<unit>b|kib|mib|gib)?", re.ASCII)


def parse_duration(value: object) -> float:
    """Return seconds from a number of seconds or a text like `250ms`, `90s`, `1.5m`, `2h`, `1d`.

    Raises ValueError.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    written = _DURATION.fullmatch(str(value).strip().lower())
    if written is None:
        raise ValueError(
            f"{str(value)[:40]!r} is no duration; write a number and ms, s, m, h or d, such as 90s"
        )
    return float(written["number"]) * _SECONDS[written["unit"] or "s"]


def show_duration(seconds: float) -> str:
    """Return a duration as it would be written: 90.0 is `90s`, 600.0 is `10m`."""
    for unit, length in _SECONDS.items():
        count = seconds / length
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    return f"{seconds:g}s"


def parse_size(value: object) -> int:
    """Return bytes from a number of bytes or a text like `512KiB`, `1MiB`; raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    written = _SIZE.fullmatch(str(value).strip().lower())
    if written is None:
        raise ValueError(
            f"{str(value)[:40]!r} is no size; write bytes, or a number and KiB, MiB or GiB"
        )
    return int(float(written["number"]) * _BYTES[written["unit"] or "b"])


def show_size(count: int) -> str:
    """Return a number of bytes as it would be written: 1048576 is `1MiB`."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return str(count)


#: Seconds; shown and accepted as people write them.
Seconds = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(show_duration, return_type=str, when_used="json"),
]
#: Bytes, likewise.
Bytes = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(show_size, return_type=str, when_used="json"),
]
