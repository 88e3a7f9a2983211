"""What one check found."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """How it stands."""

    OK = "ok"
    #: Works, and somebody should know.
    NOTE = "note"
    WRONG = "wrong"


class Finding(NamedTuple):
    """One thing that was looked at."""

    check: str
    state: State
    #: What was found, for people.
    told: str
    #: What to do about it; empty where there is nothing to do.
    advice: str = ""
    #: Commands that belong to the advice, to be copied whole.
    commands: tuple[str, ...] = ()


def ok(check: str, told: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(check, State.OK, told)


def note(check: str, told: str, advice: str) -> Finding:
    """Return a finding that somebody should know of."""
    return Finding(check, State.NOTE, told, advice)


def wrong(check: str, told: str, advice: str) -> Finding:
    """Return a finding that must be mended."""
    return Finding(check, State.WRONG, told, advice)
