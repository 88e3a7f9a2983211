"""A body as text that people edit: indented if it is one line of JSON, else as it is. Pure."""

from __future__ import annotations

import json
from typing import Final

_INDENT: Final = "  "
_OPEN: Final = "{["
_CLOSE: Final = "}]"


def editable(body: bytes) -> str | None:
    """Return the text, or None for bytes that are none."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    if "\n" in text.strip():
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _indented(text)


def posted(text: str) -> bytes:
    """Return the body that a form's text stands for."""
    return text.encode("utf-8", "replace")


def _indented(text: str) -> str:
    """Put white space where JSON allows it; every number, key and order stays as it was written."""
    written: list[str] = []
    depth = 0
    at = 0
    while at < len(text):
        one = text[at]
        if one == '"':
            end = _end_of_string(text, at)
            written.append(text[at:end])
            at = end
            continue
        at += 1
        if one.isspace():
            continue
        following = text[at:].lstrip()[:1] if one in _OPEN else ""
        if one in _OPEN and following and following in _CLOSE:
            written.append(one + following)
            at = text.index(following, at) + 1
        elif one in _OPEN:
            depth += 1
            written.append(f"{one}\n{_INDENT * depth}")
        elif one in _CLOSE:
            depth -= 1
            written.append(f"\n{_INDENT * depth}{one}")
        elif one == ",":
            written.append(f",\n{_INDENT * depth}")
        else:
            written.append(": " if one == ":" else one)
    return "".join(written)


def _end_of_string(text: str, at: int) -> int:
    end = at + 1
    while text[end] != '"':
        end += 2 if text[end] == "\\" else 1
    return end + 1
