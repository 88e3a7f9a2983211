"""Bad input on disk and what must become of it, and the large pieces, made when they are needed.

`cases/` holds one body a file, byte for byte as it goes over the wire; `expected.json` says for
each which error code it ends with (null: it is good) and, where that matters, at which places.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from writing import agent, batch, compact, envelope, heartbeat, task, written

if TYPE_CHECKING:
    from collections.abc import Callable

HERE: Final = Path(__file__).parent
#: Bytes a worker takes where its settings say nothing else.
LIMIT: Final = 1 << 20


class Case(NamedTuple):
    """One body, and what must become of it."""

    name: str
    body: bytes
    #: None for a good message.
    code: str | None
    #: Places and types of the errors told; None where only the code matters.
    errors: list[list[str]] | None = None
    #: How many errors there are in all.
    count: int | None = None
    #: The pure decoder takes it; a worker refuses it.
    decodes: bool = False
    #: Whoever sent it is answered, where a worker is allowed to.
    answer: bool = True


def cases(*, large: bool = True) -> list[Case]:
    """Return every case, with the large ones or without."""
    expected = json.loads((HERE / "expected.json").read_bytes())
    found = [
        Case(name, (HERE / "cases" / name).read_bytes(), **said)
        for name, said in expected["files"].items()
    ]
    if large:
        found += [Case(name, made(name), **said) for name, said in expected["generated"].items()]
    return found


def names_on_disk() -> set[str]:
    """Return the names of all files there are."""
    return {path.name for path in (HERE / "cases").iterdir()}


@cache
def made(name: str) -> bytes:
    """Return a large body by its name; the same one every time."""
    return LARGE[name]()


def _with_text(value: bytes) -> bytes:
    return written(task()).replace(b'"hello"', value)


def _nested(opening: bytes, closing: bytes, deep: int) -> bytes:
    return _with_text(opening * deep + b"1" + closing * deep)


def _bad_metrics() -> bytes:
    return written(heartbeat(metrics={f"m{number}": "x" for number in range(20_000)}))


def _unknown_keys() -> bytes:
    return written(task() | {f"k{number}": 1 for number in range(20_000)})


def _bad_entries(entry: Any) -> Callable[[], bytes]:
    return lambda: written(batch(*[entry] * 50_000))


def _bad_capabilities() -> bytes:
    return written(task() | {"source_agent": agent(capabilities=[1111] * 50_000)})


#: What Python's own hash would put into one place, were it not seeded: 2,000 keys all the same.
def _one_hash() -> bytes:
    modulus = 2**61 - 1
    return written(task(parameters={str(number * modulus): number for number in range(2_000)}))


LARGE: Final[dict[str, Callable[[], bytes]]] = {
    "nested_150_deep": lambda: _nested(b"[", b"]", 150),
    "nested_1000_deep": lambda: _nested(b"[", b"]", 1_000),
    "nested_100000_deep": lambda: _nested(b"[", b"]", 100_000),
    "objects_100000_deep": lambda: _nested(b'{"a":', b"}", 100_000),
    "open_brackets_only": lambda: b"[" * (LIMIT // 2),
    "number_of_5000_digits": lambda: _with_text(b"9" * 5_000),
    "fraction_of_5000_digits": lambda: _with_text(b"0." + b"3" * 5_000),
    "unknown_keys_20000": _unknown_keys,
    "bad_batch_entries_50000": _bad_entries(1111),
    "empty_batch_entries_50000": _bad_entries({}),
    "bad_capabilities_50000": _bad_capabilities,
    "bad_metrics_20000": _bad_metrics,
    "type_of_a_megabyte": lambda: written(envelope({"message_type": "x" * 500_000})),
    "text_of_10001_characters": lambda: _with_text(b'"' + b"x" * 10_001 + b'"'),
    "key_of_100000_characters": lambda: written(task() | {"k" * 100_000: 1}),
    "one_mebibyte_of_white_space": lambda: b" " * LIMIT,
    "distinct_keys_of_one_hash": _one_hash,
    "body_over_the_limit": lambda: written(
        batch(*[compact(number, payload={"text": "x" * 2_000}) for number in range(520)])
    ),
}
