"""A delay as people write it, `10s` or `10m`, kept as written because queues are named after it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from topology.errors import NameRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The longest queue TTL the broker takes, in milliseconds: an unsigned 32-bit number, 49.7 days.
LONGEST_MS: Final = 2**32 - 1

_WRITTEN: Final = re.compile(r"(?P<count>[0-9]{1,10})(?P<unit>ms|s|m|h|d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Delay:
    """One wait of the retry ladder; `60s` and `1m` last as long but name different queues.

    `unit` is one of `ms`, `s`, `m`, `h`, `d`; raises `NameRefused` for a delay of nothing, of
    another unit, or longer than 49.7 days, which is as long as the broker can wait.
    """

    count: int
    unit: str

    def __post_init__(self) -> None:
        if _in_milliseconds(self.unit) is None:
            raise NameRefused(f"{self.unit!r} is no unit of time: write ms, s, m, h or d")
        if not 0 < self.milliseconds <= LONGEST_MS:
            raise NameRefused(
                f"a delay of {self} cannot be waited for: write one from 1ms to 49d, such as 10s"
            )

    @classmethod
    def parse(cls, text: str) -> Delay:
        """Return the delay written as a number and a unit, like `500ms`, `10s` or `10m`.

        Case, surrounding spaces and leading zeros do not matter. Raises `NameRefused`.
        """
        written = _WRITTEN.fullmatch(text.strip().lower())
        if written is None:
            raise NameRefused(
                f"{text[:40]!r} is no delay: write a whole number and ms, s, m, h or d, such as 10s"
            )
        return cls(int(written["count"]), written["unit"])

    @property
    def milliseconds(self) -> int:
        """How long it is in milliseconds, the unit of the broker's TTL."""
        return self.count * (_in_milliseconds(self.unit) or 0)

    @property
    def seconds(self) -> float:
        """How long it is in seconds."""
        return self.milliseconds / 1000

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"


def parse_delays(text: str) -> tuple[Delay, ...]:
    """Return the rungs written as `1s,10s,60s,10m`; raises `NameRefused` for no ladder."""
    return checked_ladder(Delay.parse(part) for part in text.split(","))


def checked_ladder(delays: Iterable[Delay]) -> tuple[Delay, ...]:
    """Return the rungs as they are; raises `NameRefused` unless each is longer than the last."""
    ladder = tuple(delays)
    if not ladder:
        raise NameRefused("there is no retry delay: give at least one, such as 1s,10s,60s,10m")
    for shorter, longer in pairwise(ladder):
        if longer.milliseconds <= shorter.milliseconds:
            raise NameRefused(
                f"the retry delay {longer} comes after {shorter} but is not longer: "
                "write each delay once, shortest first"
            )
    return ladder


def _in_milliseconds(unit: str) -> int | None:
    match unit:
        case "ms":
            return 1
        case "s":
            return 1_000
        case "m":
            return 60_000
        case "h":
            return 3_600_000
        case "d":
            return 86_400_000
        case _:
            return None
