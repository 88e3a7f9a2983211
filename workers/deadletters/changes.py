"""What an edit changed in a body: the places, with what stood there before and after. Pure.

It goes into the journal with the edit, so that the history tells what was sent. Hidden values stay
hidden there: their places are told, and that they changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, Any, Final

import orjson

from workers.deadletters.restoring import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from workers.deadletters.masking import Masking

#: Places told of one edit, and characters of a value there: a note is small, whatever the body is.
MOST_CHANGES: Final = 20
LONGEST: Final = 200
#: The place that stands for all that is not told.
FURTHER: Final = "…"
_NOTHING: Final = object()
_FIELDS: Final = ("pointer", "before", "after")


@dataclass(frozen=True, slots=True)
class Change:
    """One place that differs; values are JSON, cut where they are long, `••••` where hidden."""

    #: As in RFC 6901; empty for the whole body.
    pointer: str
    #: Empty where nothing stood there, and likewise below.
    before: str
    after: str

    @property
    def told(self) -> str:
        """The change on one line."""
        place = self.pointer or "the body"
        if not self.before:
            return f"{place} added: {self.after}"
        if not self.after:
            return f"{place} removed: {self.before}"
        return f"{place}: {self.before} → {self.after}"


def changes(before: bytes, after: bytes, masking: Masking) -> tuple[Change, ...]:
    """Return the places that an edit changed; raises nothing.

    Beyond MOST_CHANGES places one with FURTHER for its pointer follows. A body that is no JSON, or
    the same values written differently, is one change of the whole.
    """
    if before == after:
        return ()
    try:
        places = _different(orjson.loads(before), orjson.loads(after), "")
        found = [_change(*place, masking) for place in islice(places, MOST_CHANGES + 1)]
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        found = []
    if not found:
        whole = _text(before), _text(after)
        return (Change("", *((MASK, MASK) if masking.hides else whole)),)
    if len(found) > MOST_CHANGES:
        found[-1] = Change(FURTHER, "more changes", "than are told")
    return tuple(found)


def read_changes(rows: object) -> tuple[Change, ...]:
    """Return what a note tells of an edit, within the bounds whoever wrote it."""
    if not isinstance(rows, list):
        return ()
    return tuple(
        Change(*map(_cut, texts))
        for row in rows[: MOST_CHANGES + 1]
        if isinstance(row, dict)
        and len(texts := [row[one] for one in _FIELDS if isinstance(row.get(one), str)])
        == len(_FIELDS)
    )


def hidden(told: Iterable[Change], masking: Masking) -> tuple[Change, ...]:
    """Return the same for whoever may see less than the one who wrote it."""
    return tuple(
        Change(one.pointer, one.before and MASK, one.after and MASK)
        if one.pointer != FURTHER and _covered(one.pointer, masking)
        else one
        for one in told
    )


def _covered(pointer: str, masking: Masking) -> bool:
    """Whether a place is hidden; nobody knows of one that was cut."""
    return masking.covers(pointer) or (pointer.endswith(FURTHER) and masking.hides)


def _different(before: Any, after: Any, pointer: str) -> Iterator[tuple[str, Any, Any]]:
    match before, after:
        case dict(), dict():
            for key in before | after:
                below = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
                yield from _different(before.get(key, _NOTHING), after.get(key, _NOTHING), below)
        case list(), list():
            pairs = zip_longest(before, after, fillvalue=_NOTHING)
            for n, (old, new) in enumerate(pairs):
                yield from _different(old, new, f"{pointer}/{n}")
        case _ if before is _NOTHING or after is _NOTHING or _json(before) != _json(after):
            # As JSON: to Python, true is 1 and 1 is 1.0.
            yield pointer, before, after


def _change(pointer: str, before: Any, after: Any, masking: Masking) -> Change:
    told = [
        "" if value is _NOTHING else MASK if masking.covers(pointer) else _cut(_json(value))
        for value in (before, after)
    ]
    return Change(_cut(pointer), *told)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _text(body: bytes) -> str:
    return _cut(body.decode("utf-8", "replace")) or "nothing"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
