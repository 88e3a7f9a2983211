"""An action on dead letters in lines: how it goes, and what became of the letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from workers.cli.columns import SHORT, seconds, wrapped
from workers.deadletters import Verdict
from workers.logs.clean import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers.deadletters import Canary, Progress


def progress(now: Progress) -> str:
    """Return how an action goes, on one line."""
    parts = [f"{now.phase.value}: {now.done} of {now.total} done"]
    if now.kept:
        parts.append(f"{sum(now.kept.values())} stay")
    if now.succeeded:
        parts.append(f"{now.succeeded} succeeded")
    if now.returned:
        parts.append(f"{now.returned} came back")
    if now.rate:
        parts.append(f"{now.rate:.0f}/s allowed")
    return ", ".join(parts)


def canary(one: Canary) -> str:
    """Return what is known of a letter that went first, on one line."""
    who = f"canary {one.letter_id[:SHORT]} of {one.fingerprint[:SHORT]}"
    after = f"after {seconds(one.seconds)}"
    match one.verdict:
        case Verdict.DONE:
            return f"{who}: done by {clean(one.worker)} {after}"
        case Verdict.BACK:
            return f"{who}: came back {after}; the others stay"
        case Verdict.AGAIN:
            return f"{who}: failed at {clean(one.worker)}, is tried again; the others stay"
        case Verdict.SILENT:
            return (
                f"{who}: did not come back within {seconds(one.seconds)}, and no worker said that "
                "it is done; the others follow"
            )
        case Verdict.WAITING:
            return f"{who}: nothing is known yet"
        case _:
            assert_never(one.verdict)


def outcome(now: Progress) -> str:
    """Return what became of what was sent, on one line; empty where nothing was."""
    waiting = now.unknown - now.retrying
    told = [
        (now.succeeded, "done, as their workers say"),
        (now.returned, "came back"),
        (now.retrying, "failed and will be tried again"),
        (waiting, "did not come back, and nothing else is known"),
    ]
    return ", ".join(f"{count} {what}" for count, what in told if count)


def counted(reasons: Mapping[str, int]) -> str:
    """Return counts by reason, a line each."""
    return "\n".join(
        line
        for reason, count in reasons.items()
        for line in wrapped(f"  {count:>7}  {clean(reason, 300)}")
    )
