"""A body in lines for people, with the places marked that errors speak of. Pure.

Objects keep their order and keys that stand twice; what is no JSON is shown as the text or bytes it
is. A place that is missing is marked where it should be: at what should hold it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from messages import FieldError

#: Lines made of one body; the rest is counted.
MOST_LINES: Final = 5_000
#: Characters of one line; a body may be one word of a megabyte.
LONGEST_LINE: Final = 400
#: Bytes of a body that is no text, shown in hexadecimal.
MOST_BYTES: Final = 1_024
_INDENT: Final = "  "
#: Bytes in a line of hexadecimal.
_ROW: Final = 16


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and what is wrong with it."""

    number: int
    text: str
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A body as lines."""

    lines: tuple[Line, ...]
    #: `json`, `text` or `bytes`.
    form: str
    #: Errors whose place is not in the body at all.
    elsewhere: tuple[str, ...] = ()
    #: Lines left out at the end.
    more: int = 0


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written: in order, and with keys that stand twice."""


def shape(body: bytes, errors: Iterable[FieldError] = ()) -> Shape:
    """Return the lines of a body with the places of errors marked; raises nothing."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return _plain(list(_hexadecimal(body)), "bytes", errors, more=_rows(body))
    try:
        document = json.loads(text, object_pairs_hook=_Pairs)
        rows = list(_written(document, "", ""))
    except (ValueError, RecursionError):
        return _plain(text.splitlines(), "text", errors)
    return _marked(rows, errors)


def _marked(rows: list[tuple[str, str]], errors: Iterable[FieldError]) -> Shape:
    where: dict[str, int] = {}
    for number, (pointer, _) in enumerate(rows):
        where.setdefault(pointer, number)
    marks: dict[int, list[str]] = {}
    elsewhere = []
    for error in errors:
        line, missing = _place(error.pointer, where)
        told = f"{missing}: {error.message}" if missing else error.message
        if line is None:
            elsewhere.append(f"{error.field_path or 'the document'}: {error.message}")
        else:
            marks.setdefault(line, []).append(told)
    lines = tuple(
        Line(number + 1, _cut(text), tuple(marks.get(number, ())))
        for number, (_, text) in enumerate(rows[:MOST_LINES])
    )
    return Shape(
        lines=lines,
        form="json",
        elsewhere=tuple(elsewhere),
        more=max(0, len(rows) - MOST_LINES),
    )


def _place(pointer: str, where: dict[str, int]) -> tuple[int | None, str]:
    """Return the line of a place, and what is missing there: the nearest that exists holds it."""
    missing = ""
    while pointer not in where:
        pointer, _, key = pointer.rpartition("/")
        missing = f"{key}/{missing}" if missing else key
        if not pointer and "" not in where:
            return None, missing
    return where[pointer], missing


def _written(value: Any, pointer: str, lead: str, tail: str = "") -> Iterator[tuple[str, str]]:
    """Yield each line with the pointer of the value that begins there."""
    depth = lead[: len(lead) - len(lead.lstrip())]
    match value:
        case _Pairs() if value:
            yield pointer, f"{lead}{{"
            for n, (key, one) in enumerate(value):
                below = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
                start = f"{depth}{_INDENT}{json.dumps(key, ensure_ascii=False)}: "
                yield from _written(one, below, start, "," if n < len(value) - 1 else "")
            yield f"{pointer}}}", f"{depth}}}{tail}"
        case _Pairs():
            yield pointer, f"{lead}{{}}{tail}"
        case list() if value:
            yield pointer, f"{lead}["
            for n, one in enumerate(value):
                start = f"{depth}{_INDENT}"
                yield from _written(one, f"{pointer}/{n}", start, "," if n < len(value) - 1 else "")
            yield f"{pointer}]", f"{depth}]{tail}"
        case _:
            yield pointer, f"{lead}{json.dumps(value, ensure_ascii=False)}{tail}"


def _plain(lines: list[str], form: str, errors: Iterable[FieldError], *, more: int = 0) -> Shape:
    return Shape(
        lines=tuple(Line(n, _cut(text)) for n, text in enumerate(lines[:MOST_LINES], 1)),
        form=form,
        elsewhere=tuple(f"{one.field_path or 'the document'}: {one.message}" for one in errors),
        more=more + max(0, len(lines) - MOST_LINES),
    )


def _hexadecimal(body: bytes) -> Iterator[str]:
    for at in range(0, min(len(body), MOST_BYTES), _ROW):
        row = body[at : at + _ROW]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)  # noqa: PLR2004 - what ASCII prints
        yield f"{at:06x}  {row.hex(' '):<{3 * _ROW}} {text}"


def _rows(body: bytes) -> int:
    return max(0, -(-(len(body) - MOST_BYTES) // _ROW))


def _cut(text: str) -> str:
    if len(text) <= LONGEST_LINE:
        return text
    return f"{text[:LONGEST_LINE]}… ({len(text) - LONGEST_LINE} characters more)"
