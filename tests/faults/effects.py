"""Counts effects apart from answers: a line for each, appended by whoever had it."""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

#: Names the file in a worker's environment; attempts that failed go into one beside it.
EFFECTS: Final = "FAULTS_EFFECTS"
TRIES: Final = ".tries"


class Effect(NamedTuple):
    """One effect: whose, when (monotonic seconds of this machine), and which process had it."""

    id: str
    at: float
    pid: int
    attempt: int


@cache
def _file(_pid: int, suffix: str) -> int:
    return os.open(os.environ[EFFECTS] + suffix, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def had(told: str, attempt: int) -> None:
    """Note an effect."""
    _note("", told, attempt)


def tried(told: str, attempt: int) -> None:
    """Note an attempt that failed."""
    _note(TRIES, told, attempt)


def _note(suffix: str, told: str, attempt: int) -> None:
    """Write one line at once, so that those of several processes never mix."""
    line = f"{told} {time.monotonic_ns()} {os.getpid()} {attempt}\n"
    os.write(_file(os.getpid(), suffix), line.encode())


def read(path: Path) -> list[Effect]:
    """Return all effects so far, in the order they were had."""
    if not path.exists():
        return []
    rows = (line.split() for line in path.read_text(encoding="ascii").splitlines())
    return [Effect(row[0], int(row[1]) / 1e9, int(row[2]), int(row[3])) for row in rows]
