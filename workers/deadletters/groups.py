"""Letters by what they have in common: the same failure of the same kind of message. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workers.deadletters.letter import Summary

#: Pieces of time in a trend.
BUCKETS: Final = 12
_BARS: Final = "▁▂▃▄▅▆▇█"
_LONG_AGO: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The open letters of one fingerprint; times as in Summary."""

    fingerprint: str
    error_code: str
    message_type: str
    task_type: str
    count: int
    #: When the earliest of these letters failed, and the latest.
    first_seen: str | None
    last_seen: str | None
    #: The latest letter.
    example_id: str
    #: How many failed in each piece of the time that all the groups span, oldest first.
    trend: tuple[int, ...]

    @property
    def sparkline(self) -> str:
        """The trend as a line of bars."""
        return sparkline(self.trend)


@dataclass(slots=True)
class _Growing:
    latest: Summary
    times: list[str]
    count: int = 0


def grouped(letters: Iterable[Summary], *, buckets: int = BUCKETS) -> tuple[Group, ...]:
    """Return the groups, the largest first."""
    growing: dict[str, _Growing] = {}
    for letter in letters:
        one = growing.get(letter.fingerprint)
        if one is None:
            one = growing[letter.fingerprint] = _Growing(letter, [])
        one.count += 1
        if letter.failed_at:
            one.times.append(letter.failed_at)
        if (letter.failed_at or _LONG_AGO) >= (one.latest.failed_at or _LONG_AGO):
            one.latest = letter
    times = [time for one in growing.values() for time in one.times]
    span = (min(times), max(times)) if times else None
    groups = [_group(one, span, buckets) for one in growing.values()]
    return tuple(sorted(groups, key=lambda group: (-group.count, group.fingerprint)))


def _group(one: _Growing, span: tuple[str, str] | None, buckets: int) -> Group:
    latest = one.latest
    return Group(
        fingerprint=latest.fingerprint,
        error_code=latest.error_code,
        message_type=latest.message_type,
        task_type=latest.task_type,
        count=one.count,
        first_seen=min(one.times, default=None),
        last_seen=max(one.times, default=None),
        example_id=latest.id,
        trend=_trend(one.times, span, buckets) if span else (0,) * buckets,
    )


def _trend(times: Sequence[str], span: tuple[str, str], buckets: int) -> tuple[int, ...]:
    start, end = map(_seconds, span)
    width = (end - start) / buckets or 1.0
    counts = [0] * buckets
    for time in times:
        counts[min(buckets - 1, int((_seconds(time) - start) / width))] += 1
    return tuple(counts)


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).astimezone(UTC).timestamp()


def sparkline(counts: Sequence[int]) -> str:
    """Return counts as bars; an empty piece of time is a blank."""
    most = max(counts, default=0)
    return "".join(_BARS[(count * len(_BARS) - 1) // most] if count else " " for count in counts)
