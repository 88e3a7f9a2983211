"""Characters that a page must not hold as they are. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from workers.logs.clean import INVISIBLE

if TYPE_CHECKING:
    from re import Match

#: Control characters but line breaks and tabs, and what shows nothing.
UNSEEN: Final = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{INVISIBLE}]")
#: Beyond it JSON writes a character as two.
_ONE_UNIT: Final = 0xFFFF


def json_escaped(text: str) -> str:
    """Return JSON with such characters written as JSON writes them, so that it stays the same."""
    return UNSEEN.sub(_json_escape, text)


def _json_escape(found: Match[str]) -> str:
    code = ord(found[0])
    if code <= _ONE_UNIT:
        return f"\\u{code:04x}"
    high, low = divmod(code - _ONE_UNIT - 1, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
