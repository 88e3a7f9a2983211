"""What a processor returns and no answer can say, with the text that tells its author."""

from __future__ import annotations

from math import isfinite
from typing import Final

from pydantic_core import to_jsonable_python

#: Decimal digits of a whole number that a reader may be expected to take: Python's own readers,
#: ours among them, take no more.
MOST_DIGITS: Final = 4_300
#: The first number with more.
_TOO_LONG: Final = 10**MOST_DIGITS


class Unsayable(ValueError):
    """A result that no answer can say; its text holds nothing of the result and is told."""


class TooLarge(Exception):
    """An answer has more bytes than one message may; another attempt would not change it."""

    def __init__(self, size: int, most: int) -> None:
        self.reason = (
            f"the answer has {size} bytes, {most} are allowed; answer with a reference to the "
            "content, or raise LEVERET_MAX_ANSWER_BYTES and the broker's max_message_size"
        )
        super().__init__(self.reason)


def refuse_unsayable(result: object) -> None:
    """Raise Unsayable where a result holds NaN, an infinity, or a number nobody would read.

    JSON has no word for the first two: written as null they would be taken for "not there" by
    whoever asked. Looked at is what serializers make of it, whatever it is a model, a dataclass or
    an enum of. Ask after it was written: an iterator can be gone through only once.
    """
    _refuse(to_jsonable_python(result, serialize_unknown=True, inf_nan_mode="constants"))


def _refuse(value: object) -> None:
    if isinstance(value, float):
        if not isfinite(value):
            raise Unsayable(
                f"a processor returned {value}, which JSON cannot say; return None or a text"
            )
    elif isinstance(value, int):
        if abs(value) >= _TOO_LONG:
            raise Unsayable(
                f"a processor returned a whole number of more than {MOST_DIGITS} digits, which no "
                "reader takes; return a text"
            )
    elif isinstance(value, dict):
        for one in value.values():
            _refuse(one)
    elif isinstance(value, list):
        for one in value:
            _refuse(one)
