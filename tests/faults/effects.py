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


class Reader:
    """Reads effects that are still being written, each line once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._found: list[Effect] = []

    def read(self) -> list[Effect]:
        """Return all effects so far, in the order they were had."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._at)
            more = file.read()
        whole = more[: more.rfind(b"\n") + 1]
        self._at += len(whole)
        rows = (line.decode().split() for line in whole.splitlines())
        self._found += (Effect(row[0], int(row[1]) / 1e9, int(row[2]), int(row[3])) for row in rows)
        return self._found

    def forget(self) -> None:
        """Empty the file, and begin anew."""
        self._at = 0
        self._found = []
        if self._path.exists():
            os.truncate(self._path, 0)
