"""Which versions of the protocol are understood, and what becomes of a newer one's fields.

Same major, same or lower minor: strict. Same major, higher minor: unknown fields are dropped and
counted. Another major is another protocol.
"""

from __future__ import annotations

import re
from typing import Any, Final

from messages.codes import ErrorCode
from messages.errors import InvalidMessage, one
from messages.salvage import Salvage

#: The version this code speaks.
MAJOR: Final = 1
MINOR: Final = 0

_VERSION: Final = re.compile(
    r"\s*(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(?:0|[1-9]\d{0,5})\s*", re.ASCII
)


def version_of(document: Any) -> tuple[int, int] | None:
    """Return major and minor of a document's version; None where it names none, or no version."""
    text = document.get("version") if isinstance(document, dict) else None
    found = _VERSION.fullmatch(text) if isinstance(text, str) else None
    return None if found is None else (int(found[1]), int(found[2]))


def newer(version: tuple[int, int] | None) -> bool:
    """Return whether a document may have fields that are not known here."""
    return version is not None and version[0] == MAJOR and version[1] > MINOR


def unsupported(major: int, known: Salvage) -> InvalidMessage:
    """Return the error for a message of another major version."""
    return InvalidMessage(
        ErrorCode.UNSUPPORTED_VERSION,
        f"version {major} of the protocol is not spoken here, only {MAJOR}",
        one(("version",), "unsupported_version", f"must begin with {MAJOR}."),
        salvage=known,
    )


def drop(document: Any, place: tuple[str | int, ...], told: tuple[str | int, ...]) -> int:
    """Take an unknown field out of the document; return 1, or 0 where it was not found.

    `place` is where it stands in the document, `told` where the library says.
    """
    if not place or place[-1] != told[-1]:
        return 0
    at = document
    for key in place[:-1]:
        at = at.get(key) if isinstance(at, dict) else at[key]
    return 0 if not isinstance(at, dict) or at.pop(place[-1], at) is at else 1
