"""Text that fits a terminal: columns, lines, and how long ago something was."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from workers.logs.clean import LONGEST_FIELD, clean

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Characters of an id in a list: enough to name the letter.
SHORT: Final = 8
#: Columns where nobody tells how many there are.
COLUMNS: Final = 80
#: Characters of a cell on a terminal.
LONGEST: Final = 60
#: Before what is told below a row.
BELOW: Final = " " * 7
#: Before the further lines of what a command says.
FURTHER: Final = " " * 11
RED: Final = "\x1b[31m"
BOLD: Final = "\x1b[1m"
DIM: Final = "\x1b[2m"
PLAIN: Final = "\x1b[0m"


def coloured() -> bool:
    """Whether standard output is a terminal that wants colours."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def columns() -> int:
    """Return how wide a line may be."""
    return max(COLUMNS, shutil.get_terminal_size((COLUMNS, 24)).columns)


def table(
    head: tuple[str, ...], rows: Iterable[tuple[str, ...]], right: str = "", tails: str = ""
) -> str:
    """Return rows in columns that fit the terminal; whole where a program or a file takes them.

    `right` names columns of numbers, `tails` those of which the end says most.
    """
    fitting = sys.stdout.isatty() or "COLUMNS" in os.environ
    longest = LONGEST if fitting else LONGEST_FIELD
    cells = [head, *([clean(cell, longest) for cell in row] for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(head))]
    wide = sum(widths) + 2 * (len(widths) - 1)
    for _ in range(wide - columns() if fitting else 0):
        widths[widths.index(max(widths))] -= 1  # the widest column gives way
    lines = []
    for row in cells:
        told = [
            fit(cell, width, tail=name in tails.split()).rjust(width)
            if name in right.split()
            else fit(cell, width, tail=name in tails.split()).ljust(width)
            for cell, width, name in zip(row, widths, head, strict=True)
        ]
        lines.append("  ".join(told).rstrip())
    if coloured():
        lines[0] = f"{BOLD}{lines[0]}{PLAIN}"
    return "\n".join(lines)


def wrapped(text: str) -> list[str]:
    """Return a text in lines that fit the terminal behind the command's name."""
    return textwrap.wrap(
        text,
        columns() - len("leveret: "),
        subsequent_indent=FURTHER,
        break_long_words=False,
        break_on_hyphens=False,
    )


def below(text: str) -> str:
    """Return a text in two lines at most, to stand below a row."""
    return "\n".join(
        textwrap.wrap(
            clean(text, 400),
            columns(),
            initial_indent=BELOW,
            subsequent_indent=BELOW,
            break_on_hyphens=False,
            max_lines=2,
            placeholder=" …",
        )
    )


def fit(text: str, width: int, *, tail: bool = False) -> str:
    """Return a text cut to so many characters; with `tail` its end."""
    if len(text) <= width:
        return text
    return f"…{text[1 - width :]}" if tail else f"{text[: width - 1]}…"


def age(when: str | None, now: datetime) -> str:
    """Return how long ago something was: `45s`, `12m`, `3h`, `5d` ago."""
    if when is None:
        return "?"
    return f"{length((now - datetime.fromisoformat(when).astimezone(UTC)).total_seconds())} ago"


def length(passed: float) -> str:
    """Return a length of time in one unit: `45s`, `12m`, `3h`, `5d`."""
    for unit, one in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if passed >= 2 * one:
            return f"{passed / one:.0f}{unit}"
    return f"{max(0.0, passed):.0f}s"


def seconds(value: float) -> str:
    """Return a duration: `12 ms`, `1.5 s`."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
