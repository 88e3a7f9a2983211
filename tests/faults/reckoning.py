"""Compares what was promised with what came of it. Pure, so that it can be shown to find a loss."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple


class Seen(NamedTuple):
    """An answer or a dead letter: whose it is, and what tells it from its own redelivery."""

    id: str
    mark: str
    #: The dead letter's error code; of an answer, its message type.
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that was seen of one run."""

    sent: frozenset[str]
    confirmed: frozenset[str]
    answers: tuple[Seen, ...] = ()
    letters: tuple[Seen, ...] = ()
    #: What still waits in a queue.
    queued: frozenset[str] = frozenset()
    #: Ids of effects, one for each time.
    effects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """The figures of one run."""

    messages: int
    answered: int
    dead: int
    queued: int
    #: Confirmed to their publisher, and neither answered, dead nor queued.
    lost: frozenset[str]
    #: Answered or dead without ever having been sent.
    unexpected: frozenset[str]
    #: Never confirmed, and yet brought to an end.
    recovered: int
    #: Answers beyond the first, and letters beyond the first.
    doubled: int
    #: Effects beyond the first.
    effects_doubled: int
    #: Dead letters by error code.
    codes: tuple[tuple[str, int], ...]


def reckon(evidence: Evidence) -> Reckoning:
    """Return the figures; whatever was seen twice with the same mark was seen once."""
    answers = {(seen.id, seen.mark) for seen in evidence.answers}
    letters = {(seen.id, seen.mark): seen.kind for seen in evidence.letters}
    answered = {told for told, _ in answers}
    dead = {told for told, _ in letters}
    ended = answered | dead
    effects = Counter(evidence.effects)
    return Reckoning(
        messages=len(evidence.confirmed),
        answered=len(answered),
        dead=len(dead),
        queued=len(evidence.queued & evidence.sent),
        lost=evidence.confirmed - ended - evidence.queued,
        unexpected=frozenset((ended | set(effects)) - evidence.sent),
        recovered=len((ended & evidence.sent) - evidence.confirmed),
        doubled=len(answers) - len(answered) + len(letters) - len(dead),
        effects_doubled=effects.total() - len(effects),
        codes=tuple(sorted(Counter(letters.values()).items())),
    )
