"""Finds the files a task may read; every other path is refused, whatever a sender writes.

A task names a file by one word, such as `customers.csv`: one that ships in `datasets/`. An operator
who has more sets `EXAMPLES_DATASETS` to a directory; then `2024/spring.csv` is looked for below it.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Final

from workers import Reject

#: Names the directory with an operator's own files; unset, only those that ship are read.
DIRECTORY: Final = "EXAMPLES_DATASETS"
#: Bytes: what a thread reads at once, so that one task cannot take a worker's memory.
LARGEST: Final = 16 * 1024 * 1024

_SHIPPED: Final = Path(__file__).parent / "datasets"
_KINDS: Final = frozenset({".csv", ".txt"})


def shipped() -> tuple[str, ...]:
    """Return the names of the files that ship with the examples, sorted."""
    return tuple(sorted(path.name for path in _SHIPPED.iterdir() if path.suffix in _KINDS))


def find(name: str, *, directory: Path | None = None) -> Path:
    """Return the path of the file a task names; raises Reject for any that it may not read.

    `directory` is where an operator's own files are; without it `EXAMPLES_DATASETS` says so. The
    reasons never quote `name`: they go back to the sender and into the dead letters.
    """
    if name in shipped():
        return _SHIPPED / name
    own = directory or _configured()
    asked = PurePosixPath(name)
    if asked.is_absolute() or ".." in asked.parts or "\\" in name or "\0" in name:
        raise Reject(f"a file is named, not reached by a path; shipped are: {', '.join(shipped())}")
    if own is None:
        raise Reject(f"no file of that name is shipped; shipped are: {', '.join(shipped())}")
    return _below(own, asked)


def _configured() -> Path | None:
    written = os.environ.get(DIRECTORY)
    return Path(written) if written else None


def _below(own: Path, asked: PurePosixPath) -> Path:
    # Resolved first: a symbolic link inside the directory may lead out of it.
    path = (own / asked).resolve()
    if not path.is_relative_to(own.resolve()) or not path.is_file():
        raise Reject(
            f"no file of that name is shipped or below the worker's {DIRECTORY}; "
            f"shipped are: {', '.join(shipped())}"
        )
    if path.stat().st_size > LARGEST:
        raise Reject(f"the file is larger than the {LARGEST} bytes that are read here")
    return path
