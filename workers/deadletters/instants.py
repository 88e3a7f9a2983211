"""Times as the workbench keeps them: texts in UTC, whose order is that of the instants. Pure."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(told: object) -> str | None:
    """Return a time in UTC, written so that texts are in the order of their times.

    None for what is no time, or has no zone.
    """
    try:
        when = datetime.fromisoformat(told) if isinstance(told, str) else None
        return None if when is None or when.tzinfo is None else when.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):  # a zone may lead beyond the calendar
        return None
