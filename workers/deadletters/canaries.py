"""Which letter of each kind goes first and alone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from workers.deadletters.letter import Summary


def canaries(oldest_first: Sequence[Summary], *classes: Collection[str]) -> dict[str, str]:
    """Return the canary of each fingerprint: its oldest letter of the best class that has one.

    `classes` are the ids that may go, the likeliest to pass first. A letter of which only a run can
    tell may be the one of its kind that fails, and would keep all those that pass from going.
    """
    chosen: dict[str, str] = {}
    for ids in classes:
        for letter in oldest_first:
            if letter.id in ids:
                chosen.setdefault(letter.fingerprint, letter.id)
    return chosen
