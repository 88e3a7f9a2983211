"""Which leveret this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def leveret_version() -> str:
    """Return the installed version."""
    try:
        return version("leveret")
    except PackageNotFoundError:  # run from a tree that is not installed
        return "0"
