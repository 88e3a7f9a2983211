"""A range of numbers that says why it ends where it does."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Lets numbers from `least` to `most` pass; anything else is refused with the reason for it."""

    least: float
    most: float
    #: Why less cannot work.
    below: str
    #: Why more cannot work.
    above: str
    #: How the limits are written for people.
    show: Callable[[float], str] = "{:g}".format

    def number(self, value: int) -> int:
        """Return the whole number, or raise ValueError."""
        self._check(value)
        return value

    def seconds(self, value: float) -> float:
        """Return the seconds, or raise ValueError."""
        self._check(value)
        return value

    def _check(self, value: float) -> None:
        if self.least <= value <= self.most:
            return
        allowed = f"give {self.show(self.least)} to {self.show(self.most)}"
        if isnan(value):
            raise ValueError(f"nan is no number; {allowed}")
        why = self.above if value > self.most else self.below
        raise ValueError(f"{self.show(value)} cannot work: {why}; {allowed}")
