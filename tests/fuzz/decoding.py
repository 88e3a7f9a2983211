"""A fuzz target: whatever the bytes, a message or a bounded and clean error, never an exception.

The bytes are changed at random, beginning with the corpus; `guided.py` lets coverage choose them.
"""

from __future__ import annotations

import random
import sys
from time import monotonic
from typing import TYPE_CHECKING, Final

import orjson
from corpus.corpus import cases

from messages import (
    SHIPPED_PAYLOADS,
    Catalog,
    InvalidMessage,
    SecurityLevel,
    ValidationContext,
    encode,
)
from messages.errors import MOST_BYTES, MOST_ERRORS
from messages.json_rpc import is_json_rpc, read_call, split_batch

if TYPE_CHECKING:
    from collections.abc import Iterator

CATALOG: Final = Catalog(SHIPPED_PAYLOADS)
CONTEXT: Final = ValidationContext(SecurityLevel.PUBLIC)
#: Characters of a reason: two texts and a path.
LONGEST_REASON: Final = 1_000
#: What makes a difference to a parser or a rule.
TOKENS: Final = (
    b'"',
    b'\\"',
    b"\\u0022",
    b'":',
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"NaN",
    b"1e400",
    b"-0",
    b"9" * 25,
    b"true",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\x00",
    b'"message_type":"batch"',
    b'"version":"1.9.0"',
    b'"jsonrpc":"2.0"',
    b"0001-01-01T00:00:00+14:00",
)


def check(body: bytes) -> str:
    """Return how a body ends; raises AssertionError, or whatever should never have been raised."""
    _check_calls(body)
    try:
        message = CATALOG.decode(body, context=CONTEXT)
    except InvalidMessage as invalid:
        _check_error(invalid)
        return invalid.code.value
    again = CATALOG.decode(encode(message), context=CONTEXT)
    if again != message:
        raise AssertionError(f"another message after the wire: {message!r}, {again!r}")
    return "good"


def _check_error(invalid: InvalidMessage) -> None:
    told = orjson.dumps([one._asdict() for one in invalid.errors])
    bounded = len(told) <= MOST_BYTES and len(invalid.errors) <= MOST_ERRORS
    if not bounded or len(invalid.reason) > LONGEST_REASON or not invalid.errors:
        raise AssertionError(f"out of bounds: {invalid.reason!r}")
    if not invalid.reason.isprintable() or invalid.error_count < len(invalid.errors):
        raise AssertionError(f"unfit to be told: {invalid.reason!r}")


def _check_calls(body: bytes) -> None:
    try:
        calls = split_batch(body) if is_json_rpc(None, body) else None
    except InvalidMessage:
        return
    for call in calls or (body,):
        read_call(call)


def mutations(chance: random.Random) -> Iterator[bytes]:
    """Yield changed bodies without end, the same ones for the same dice."""
    seeds = [case.body for case in cases(large=False)]
    while True:
        body = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 2, 3, 8))):
            at = chance.randrange(len(body) + 1)
            to = min(len(body), at + chance.choice((0, 1, 2, 8, 40)))
            match chance.randrange(5):
                case 0:
                    body[at:to] = chance.choice(TOKENS)
                case 1:
                    del body[at:to]
                case 2:
                    body[at:at] = body[at:to]
                case 3:
                    other = chance.choice(seeds)
                    cut = chance.randrange(len(other) + 1)
                    body[at:to] = other[cut : cut + chance.choice((1, 10, 100))]
                case _:
                    body[at:to] = chance.randbytes(to - at)
        yield bytes(body)


def run(*, seconds: float, seed: int, most: int | None = None) -> dict[str, int]:
    """Check changed bodies for so long, at most so many; return how often each end came."""
    ends: dict[str, int] = {}
    until = monotonic() + seconds
    for number, body in enumerate(mutations(random.Random(seed))):  # noqa: S311 - to be repeated
        if monotonic() > until or number == most:
            break
        try:
            end = check(body)
        except BaseException:
            print(f"found with seed {seed}, number {number}: {body!r}", file=sys.stderr)  # noqa: T201 - a script
            raise
        ends[end] = ends.get(end, 0) + 1
    return ends
