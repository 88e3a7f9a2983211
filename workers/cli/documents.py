"""Messages in a file or on standard input: a document, one a line, or any bytes as they are."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Bytes of the longest message that any RabbitMQ takes, before 4.0; a longer one is not worth the
#: memory that it would take to be refused.
LONGEST: Final = 128 * 2**20


class TooLong(ValueError):
    """A message that no broker takes."""


def documents(lines: Iterable[bytes], *, longest: int = LONGEST) -> Iterator[bytes]:
    """Yield the body of each message in the lines of a file.

    Where the first line is a JSON document, each line is a message, whatever the later ones hold,
    and a stream of any length is read line by line. Else all of it is one message, or several where
    it holds several documents that go over more than one line.

    Raises TooLong where a message has more than `longest` bytes.
    """
    rest = iter(lines)
    first = next((line for line in rest if line.strip()), b"")
    if is_json(first):
        yield from (line.strip(b"\r\n") for line in chain([first], rest) if line.strip())
        return
    whole = joined(chain([first], rest), longest=longest)
    if whole.strip():
        yield from _several(whole) or [whole]


def joined(parts: Iterable[bytes], *, longest: int = LONGEST) -> bytes:
    """Return all of it as one message; raises TooLong as soon as it is."""
    found, size = [], 0
    for part in parts:
        size += len(part)
        if size > longest:
            raise TooLong(
                f"a message of more than {longest // 2**20} MiB is in that input, which no broker "
                "takes; several go one a line, each a whole JSON document (JSONL)"
            )
        found.append(part)
    return b"".join(found)


def parameters(written: Iterable[str]) -> dict[str, Any]:
    """Return `k=v` texts as an object: values that are JSON as such, dotted keys as inner objects.

    Raises ValueError for one without `=`, and for a key that is both a value and an object.
    """
    whole: dict[str, Any] = {}
    for one in written:
        key, equals, text = one.partition("=")
        *path, last = key.split(".")
        if not equals or not all((*path, last)):
            raise ValueError(f"{one[:60]!r} is no parameter: write it as key=value")
        inside = whole
        for name in path:
            inside = inside.setdefault(name, {})
            if not isinstance(inside, dict):
                raise ValueError(  # noqa: TRY004 - a mistake in what was written, not a type
                    f"the parameter {key} is inside {name}, which has a value: keep one of them"
                )
        if last in inside:
            raise ValueError(f"the parameter {key} is given twice: keep one of them")
        inside[last] = _value(text)
    return whole


def is_json(text: bytes) -> bool:
    """Whether the bytes are one JSON document."""
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True


def _value(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return text


def _several(whole: bytes) -> list[bytes]:
    """Return the JSON documents that stand one behind the other, or nothing if it is not so."""
    try:
        text = whole.decode()
    except UnicodeDecodeError:
        return []
    decoder = json.JSONDecoder()
    found: list[bytes] = []
    at = 0
    try:
        while rest := text[at:].lstrip():
            at = len(text) - len(rest)
            _, end = decoder.raw_decode(text, at)
            found.append(text[at:end].encode())
            at = end
    except (ValueError, RecursionError):
        return []
    return found if len(found) > 1 else []
