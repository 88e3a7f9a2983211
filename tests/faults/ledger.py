"""What a publisher knows, on disk before anybody may rely on it.

One line a fact: `s 7` it was about to be sent, `c 7` the broker confirmed it (synced to the disk
before the publisher goes on), `r 7` it came back unroutable, `n 7` it was refused.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from faults.requests import request_id

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Ledger:
    """Written by one publisher."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def sending(self, numbers: Iterable[int]) -> None:
        """Note what is about to be sent."""
        self._write("s", numbers)

    def told(self, kind: str, numbers: Iterable[int]) -> None:
        """Note the broker's word and return when it is on the disk."""
        if self._write(kind, numbers):
            os.fdatasync(self._file)

    def _write(self, kind: str, numbers: Iterable[int]) -> bool:
        lines = "".join(f"{kind} {number}\n" for number in numbers).encode()
        if lines:
            os.write(self._file, lines)
        return bool(lines)


@dataclass(frozen=True, slots=True)
class Page:
    """What a ledger says in the end, as request ids."""

    sent: frozenset[str]
    confirmed: frozenset[str]

    @classmethod
    def read(cls, path: Path, run: int) -> Self:
        """Return it; the last line may be cut short by a kill and then says nothing."""
        found: dict[str, set[int]] = {"s": set(), "c": set(), "r": set(), "n": set()}
        whole = path.read_text(encoding="ascii") if path.exists() else ""
        for line in whole[: whole.rfind("\n") + 1].splitlines():
            kind, _, number = line.partition(" ")
            found[kind].add(int(number))
        # The broker confirms what it gave back, too: that is no promise to keep it.
        kept = found["c"] - found["r"] - found["n"]
        return cls(
            *(frozenset(request_id(run, one) for one in each) for each in (found["s"], kept))
        )
