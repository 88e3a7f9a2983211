r"""What JSON allows and a message must not have: a key twice, numbers nobody can write again.

A parser keeps the last of two equal keys and says nothing, so two readers may see two messages. No
model can tell, for it sees what the parser kept; so the bytes are looked at, at the price of a
small part of the validation:

1. Written again, the parsed body is byte for byte what came: nothing was dropped or changed.
2. Else keys are counted. Behind every key stands `":`, and so it does inside strings only as `\":`,
   which is counted on both sides. Bodies with escapes that could hide one (`\u0022`, `\u003a`), or
   with white space behind a key, are not counted at all. Equal counts then prove that no key came
   twice.
3. Else nothing is proved, and an exact and slower check decides. A false alarm costs only time.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any, Final, NoReturn

import orjson
from pydantic_core import from_json

#: Objects and lists within one another, the envelope included; deeper is nobody's data, and breaks
#: recursive readers.
MOST_DEEP: Final = 64
#: What JSON writers agree on: 64 bits, signed or not.
SMALLEST: Final = -(2**63)
LARGEST: Final = 2**64 - 1

_SPACED: Final = re.compile(rb'"[ \t\r\n]+:')
_HIDDEN: Final = re.compile(rb"\\u00(22|3[aA])")
#: Bytes of a body that is split quicker than searched for a byte again and again.
SHORT: Final = 1_000
#: Bytes in which a sender that puts spaces behind its colons has put one.
_BEGINNING: Final = 100


class Unfit(ValueError):
    """A body that parses and must not be believed: what, where, and in words."""

    def __init__(self, error_type: str, place: tuple[str | int, ...], text: str) -> None:
        super().__init__(text)
        self.error_type = error_type
        self.place = place


def refuse_unfit(body: bytes) -> None:
    """Raise Unfit for a document that parsers understand differently, or cannot write again.

    Raises ValueError or RecursionError for what is no JSON at all.
    """
    if not (_canonical(body) or _counted(body)):
        _exact(body)


def _canonical(body: bytes) -> bool:
    if body.find(b'": ', 0, _BEGINNING) >= 0:
        return False
    try:
        document = orjson.loads(body)
        return orjson.dumps(document) == body and _flat(body, document)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return False


def _counted(body: bytes) -> bool:
    """Whether the counts prove the body good; false proves nothing."""
    if b"\\u00" in body and _HIDDEN.search(body):
        return False
    if _SPACED.search(body):
        return False
    try:
        document = from_json(body, allow_inf_nan=False)
        written = orjson.dumps(document)  # refuses whole numbers of more than 64 bits
    except (ValueError, TypeError):
        return False
    return (
        body.count(b'":') == written.count(b'":')
        # What is too large for a float was read as infinite and written as null.
        and body.count(b"null") == written.count(b"null")
        and _flat(body, document)
    )


def _flat(body: bytes, document: Any) -> bool:
    if _opened(body) < MOST_DEEP:
        return True
    level = [document]
    for _ in range(MOST_DEEP):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return True
    return False


def _opened(body: bytes) -> int:
    """Return how many objects and lists may begin, counted to `MOST_DEEP` of each."""
    if len(body) < SHORT:
        return len(body.split(b"{", MOST_DEEP)) + len(body.split(b"[", MOST_DEEP)) - 2
    return _found(body, b"{") + _found(body, b"[")


def _found(body: bytes, bracket: bytes) -> int:
    """Count by finding one after the other: nothing else looks at many bytes in one step."""
    found = at = 0
    while found < MOST_DEEP and (at := body.find(bracket, at) + 1):
        found += 1
    return found


def _exact(body: bytes) -> None:
    twice: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        known: dict[str, Any] = {}
        for key, value in pairs:
            if key in known:
                twice.append(key)
                return _Twice(pairs, key)
            known[key] = value
        return known

    document = json.loads(body, object_pairs_hook=once, parse_constant=_no_number)
    _walk(document)
    if twice:  # inside a value that a later equal key replaced
        _refuse_key((), twice[0])


class _Twice(dict[str, Any]):
    """An object in which a key stands twice."""

    def __init__(self, pairs: list[tuple[str, Any]], key: str) -> None:
        super().__init__(pairs)
        self.key = key


def _walk(document: Any) -> None:
    open_: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while open_:
        place, value = open_.pop()
        if isinstance(value, dict | list):
            if len(place) >= MOST_DEEP:
                text = f"objects and lists are nested deeper than {MOST_DEEP} levels"
                raise Unfit("nested_too_deep", place, text)
            if isinstance(value, _Twice):
                _refuse_key(place, value.key)
            entries = value.items() if isinstance(value, dict) else enumerate(value)
            open_ += [
                ((*place, key), inner) for key, inner in entries if not isinstance(inner, str)
            ]
        elif isinstance(value, float) and not isfinite(value):
            raise Unfit("number_too_large", place, "the number is too large for a 64-bit float")
        elif isinstance(value, int) and not SMALLEST <= value <= LARGEST:
            raise Unfit("number_too_large", place, "the whole number does not fit 64 bits")


def _refuse_key(place: tuple[str | int, ...], key: str) -> NoReturn:
    text = "this key stands twice in one object; readers would disagree on it"
    raise Unfit("duplicate_key", (*place, key), text)


def _no_number(_name: str) -> NoReturn:
    raise Unfit("not_a_number", (), "NaN and Infinity are no JSON")
