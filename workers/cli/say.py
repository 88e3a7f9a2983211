"""What a command prints: results on standard output, everything else on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def say(line: str) -> None:
    """Tell the person something that is no result."""
    print(f"leveret: {line}", file=sys.stderr, flush=True)  # noqa: T201 - this is the command line


def write(*parts: bytes) -> None:
    """Put bytes on standard output now, so that a pipe's reader has them."""
    sys.stdout.buffer.writelines(parts)
    sys.stdout.buffer.flush()


def asked_at_a_terminal() -> bool:
    """Whether a person is there to be asked; a program is never kept waiting."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def agreed(question: str) -> bool:
    """Ask a person, and return whether they say yes; anything else is no."""
    print(f"leveret: {question} [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201 - likewise
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def some(ids: Iterable[str], most: int = 3) -> str:
    """Return the first few of many."""
    known = list(ids)
    return ", ".join(known[:most]) + (" …" if len(known) > most else "")
