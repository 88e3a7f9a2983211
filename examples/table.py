"""Reads the columns of numbers out of a CSV file; columns of anything else are left out."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from workers import Reject


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of numbers under named columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]


def read_table(path: Path, wanted: Sequence[str] | None = None) -> Table:
    """Return the `wanted` columns, or all that hold nothing but numbers.

    The first line names the columns. Raises Reject for a file that is no such table, and for a
    column that is not there or not of numbers: the same file will be the same tomorrow.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *lines = [line for line in csv.reader(file, strict=True) if line]
    except (ValueError, csv.Error) as error:
        raise Reject("the file is no CSV table in UTF-8 with a line of column names") from error
    if any(len(line) != len(header) for line in lines):
        raise Reject(
            f"the file's rows do not all have {len(header)} columns, as its first line has"
        )
    found = {
        name: numbers
        for name, cells in zip(header, zip(*lines, strict=True), strict=False)
        if (numbers := _numbers(cells)) is not None
    }
    unknown = [name for name in wanted or () if name not in found]
    if unknown or not found:
        there = ", ".join(found) or "none"
        raise Reject(
            f"a column asked for is not there or not of numbers; those of numbers: {there}"
        )
    names = tuple(wanted or found)
    return Table(names, tuple(zip(*(found[name] for name in names), strict=True)))


def _numbers(cells: Sequence[str]) -> tuple[float, ...] | None:
    try:
        numbers = tuple(map(float, cells))
    except ValueError:
        return None
    return numbers if all(map(isfinite, numbers)) else None
