"""The results of `leveret bench patterns`, as a table for people and for the docs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers.bench.patterns import Measured, Results

_HEAD = ("pattern", "messages/s", "µs", "peak MB", "claimed", "holds", "for")


def markdown(results: Results) -> str:
    """Return a table in Markdown, and a sentence about each claim."""
    rows = [_row(one) for one in results.patterns]
    lines = [_line(_HEAD), _line(("---", "---:", "---:", "---:", "---:", "---", "---"))]
    lines += map(_line, rows)
    return "\n".join(lines) + "\n\n" + "\n".join(_claims(results)) + "\n"


def plain(results: Results) -> str:
    """Return the same for a terminal."""
    rows = [_HEAD, *(_row(one) for one in results.patterns)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", *_claims(results)]) + "\n"


def _row(one: Measured) -> tuple[str, ...]:
    claim = "" if one.claim is None else f"{one.claim:,}"
    holds = {True: "yes", False: "no", None: ""}[one.holds]
    return (
        one.pattern,
        f"{one.messages_per_second:,.0f}",
        f"{one.us_per_message:.1f}",
        f"{one.peak_mb:.1f}",
        claim,
        holds,
        one.purpose,
    )


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _claims(results: Results) -> list[str]:
    told = [
        f"- {one.pattern}: about {one.claim:,} messages/s are claimed, "
        f"{one.messages_per_second:,.0f} were measured: the claim "
        f"{'holds' if one.holds else 'does not hold'} here."
        for one in results.patterns
        if one.claim is not None
    ]
    strings = results.strings
    low, high = strings.claim
    verdict = "holds" if strings.holds else "does not hold"
    told.append(
        f"- caching strings: {low} to {high} % are claimed, {strings.percent:.0f} % less time was "
        f"measured: the claim {verdict} here."
    )
    return told
