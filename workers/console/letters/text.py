"""A body as text that people edit: indented if it is one line of JSON, else as it is. Pure."""

from __future__ import annotations

from workers.console.unseen import UNSEEN, json_escaped
from workers.deadletters.spans import indented, read


def editable(body: bytes) -> str | None:
    """Return the text, or None for bytes that no page can hold so that they come back the same."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    if read(body) is None:
        return None if UNSEEN.search(text) else text
    if "\n" not in text.strip():
        text = indented(body).decode()
    # In JSON this one stands between values only, where a page would show it as two letters.
    return json_escaped(text.replace("\r\n", "\n").replace("\r", "\n"))


def posted(text: str) -> bytes:
    """Return the body that a form's text stands for."""
    return text.encode("utf-8", "replace")
