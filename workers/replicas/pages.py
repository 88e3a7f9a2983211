"""Asks a replica on this machine for one of its pages; run in a thread, for these wait."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Final

#: Seconds to wait for one replica's page.
ASK_WITHIN: Final = 2.0
#: What is in the way of a replica that serves and says nothing.
SILENT: Final = "does not answer"
#: A proxy of the environment is for the world outside: it reaches no loopback of ours, and a
#: replica that only it cannot reach would be killed for its silence.
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
#: How a replica that is starting, leaving or dead shows; the second one while it sends its page.
_GONE: Final = (OSError, HTTPException)


def ask(port: int, path: str, accept: str = "") -> str | None:
    """Return a page in the format asked for, or None where nothing answers."""
    headers = {"Accept": accept} if accept else {}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with _DIRECT.open(asked, timeout=ASK_WITHIN) as page:
            text: str = page.read().decode()
            return text
    except _GONE:  # told by its absence
        return None


def readyz(port: int | None) -> str:
    """Return what is in the way of a replica; empty where nothing is, or a word for silence."""
    if port is None:
        return "starting"
    try:
        with _DIRECT.open(f"http://127.0.0.1:{port}/readyz", timeout=ASK_WITHIN):
            return ""
    except urllib.error.HTTPError as error:
        return _reason(error)
    except _GONE:
        return SILENT


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        with error:
            return " ".join(error.read().decode().split())
    except _GONE:
        return SILENT
