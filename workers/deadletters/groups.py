"""Letters by what they have in common: the same failure of the same kind of message. Pure."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workers.deadletters.letter import Summary

#: Pieces of time in a trend.
BUCKETS: Final = 12
_BARS: Final = "▁▂▃▄▅▆▇█"
_LONG_AGO: Final = ""
#: After every time there is: digits come before letters.
_NEVER: Final = "never"


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
    #: Why, in one line, as the first letter of its kind said; empty where that is not known.
    reason: str = ""

    @property
    def sparkline(self) -> str:
        """The trend as a line of bars."""
        return sparkline(self.trend)


@dataclass(slots=True)
class _Growing:
    latest: Summary
    times: list[str]
    count: int = 0


def grouped(
    letters: Iterable[Summary],
    reasons: Mapping[str, str] | None = None,
    *,
    buckets: int = BUCKETS,
) -> tuple[Group, ...]:
    """Return the groups, the largest first; `reasons` are told by fingerprint."""
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
    for one in growing.values():
        one.times.sort()
    told = [one.times for one in growing.values() if one.times]
    edges = _edges([times[0] for times in told], [times[-1] for times in told], buckets)
    known = reasons or {}
    groups = [
        _group(one, edges, known.get(fingerprint, "")) for fingerprint, one in growing.items()
    ]
    return tuple(sorted(groups, key=lambda group: (-group.count, group.fingerprint)))


def spanned(groups: Iterable[Group]) -> tuple[str, str, float] | None:
    """Return the first and the last time that the trends tell of, and the seconds of one piece.

    None where no letter says when it failed.
    """
    shown = [one for one in groups if one.first_seen and one.last_seen]
    if not shown:
        return None
    first = min(one.first_seen or "" for one in shown)
    last = max(one.last_seen or "" for one in shown)
    passed = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    return first, last, passed.total_seconds() / len(shown[0].trend)


def _group(one: _Growing, edges: Sequence[str], reason: str) -> Group:
    latest = one.latest
    return Group(
        fingerprint=latest.fingerprint,
        error_code=latest.error_code,
        message_type=latest.message_type,
        task_type=latest.task_type,
        count=one.count,
        first_seen=one.times[0] if one.times else None,
        last_seen=one.times[-1] if one.times else None,
        example_id=latest.id,
        trend=_trend(one.times, edges),
        reason=reason,
    )


def _edges(firsts: Sequence[str], lasts: Sequence[str], buckets: int) -> Sequence[str]:
    """Return where one piece of the time ends and the next begins, for all groups alike.

    Texts of instants in UTC are in the order of the instants, so that no letter's is parsed.
    """
    if not firsts:
        return ("",) * (buckets - 1)
    start, end = datetime.fromisoformat(min(firsts)), datetime.fromisoformat(max(lasts))
    if start == end:
        return (_NEVER,) * (buckets - 1)
    return [(start + (end - start) * n / buckets).isoformat() for n in range(1, buckets)]


def _trend(times: Sequence[str], edges: Sequence[str]) -> tuple[int, ...]:
    """Return how many of the times, which are in order, fall into each piece of the time."""
    places = [0, *(bisect_left(times, edge) for edge in edges), len(times)]
    return tuple(end - begin for begin, end in pairwise(places))


def sparkline(counts: Sequence[int]) -> str:
    """Return counts as bars; an empty piece of time is a blank."""
    most = max(counts, default=0)
    return "".join(_BARS[(count * len(_BARS) - 1) // most] if count else " " for count in counts)
