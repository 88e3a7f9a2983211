"""Makes any text fit for one line of a log: no line breaks, no control characters, bounded."""

from __future__ import annotations

import re
from typing import Final

#: Characters of a message; a longer one is nobody's to read.
LONGEST_MESSAGE: Final = 2_000
#: Characters of an id or another field.
LONGEST_FIELD: Final = 256

#: Control characters, line and paragraph separators, what reverses the direction of the text (a
#: line could be made to look like another), and halves of surrogate pairs, which nothing encodes.
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def clean(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Return the text on one line, control characters escaped, cut to `longest`."""
    if len(text) > longest:
        text = f"{text[:longest]}…"
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape", "surrogatepass").decode("ascii")
