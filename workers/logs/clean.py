"""Makes any text fit for one line of a log: no line breaks, no control characters, bounded."""

from __future__ import annotations

import re
from typing import Final

#: Characters of a message; a longer one is nobody's to read.
LONGEST_MESSAGE: Final = 2_000
#: Characters of an id or another field.
LONGEST_FIELD: Final = 256

#: What shows nothing, as a class of a regular expression: line and paragraph separators, what has
#: no width or reverses the direction of the text (a line could be made to look like another, a word
#: like one that it is not), and halves of surrogate pairs, which nothing encodes.
INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
_UNSAFE: Final = re.compile(f"[\x00-\x1f\x7f-\x9f{INVISIBLE}]")


def clean(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Return the text on one line, control characters escaped, cut to `longest`."""
    if len(text) > longest:
        text = f"{text[:longest]}…"
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape", "surrogatepass").decode("ascii")
