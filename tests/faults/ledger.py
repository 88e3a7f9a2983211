"""What a publisher knows, on disk before anybody may rely on it.

One line a fact: `s 7` it was about to be sent, `c 7` the broker confirmed it (synced to the disk
before the publisher goes on), `r 7` it came back unroutable, `n 7` it was refused.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """What a ledger says, as request ids."""

    sent: frozenset[str]
    confirmed: frozenset[str]


class Reader:
    """Reads a ledger that is still being written, each line once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._found: dict[str, set[int]] = {"s": set(), "c": set(), "r": set(), "n": set()}

    def kept(self) -> set[int]:
        """Return the numbers of the requests that the broker has promised to keep."""
        self._go_on()
        # The broker confirms what it gave back, too: that is no promise to keep it.
        return self._found["c"] - self._found["r"] - self._found["n"]

    def page(self, run: int) -> Page:
        """Return all of it."""
        kept = self.kept()
        return Page(
            *(frozenset(request_id(run, one) for one in each) for each in (self._found["s"], kept))
        )

    def _go_on(self) -> None:
        """Read on; a last line that is cut short, by a kill or just now, says nothing."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            more = file.read()
        whole = more[: more.rfind(b"\n") + 1]
        self._at += len(whole)
        for line in whole.splitlines():
            kind, _, number = line.partition(b" ")
            self._found[kind.decode()].add(int(number))
