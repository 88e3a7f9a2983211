"""Asks a replica on this machine for one of its pages; run in a thread, for these wait."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Final

#: Seconds to wait for one replica's page.
ASK_WITHIN: Final = 2.0
#: What is in the way of a replica that serves and says nothing.
SILENT: Final = "does not answer"


def ask(port: int, path: str, accept: str = "") -> str | None:
    """Return a page in the format asked for, or None where nothing answers."""
    headers = {"Accept": accept} if accept else {}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=ASK_WITHIN) as page:  # noqa: S310 - likewise
            text: str = page.read().decode()
            return text
    except OSError:  # it is starting, leaving or dead: told by its absence
        return None


def readyz(port: int | None) -> str:
    """Return what is in the way of a replica; empty where nothing is, or a word for silence."""
    if port is None:
        return "starting"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=ASK_WITHIN):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return " ".join(error.read().decode().split())
    except OSError:
        return SILENT
