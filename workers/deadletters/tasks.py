"""What is to be done with which letters: as somebody said yes to it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.deadletters.pacing import Pace

if TYPE_CHECKING:
    from workers.deadletters.letter import Letter
    from workers.deadletters.views import Meant, Proposal

#: An edited or discarded letter goes at once: somebody looked at it.
AT_ONCE: Final = Pace(rate=0.0, canary=False)
#: Begins the reason of letters that nobody promised to send.
FAIL_AGAIN: Final = "would fail again"


class Task(NamedTuple):
    """What is to be done with which letters."""

    #: Letter → fingerprint.
    kinds: Mapping[str, str]
    #: Bytes of the largest body.
    largest: int
    #: Letters that are meant and stay, by reason: those that would be refused again.
    kept: Mapping[str, int]
    #: Fingerprint → the letter that goes first and alone; empty to do without.
    canaries: Mapping[str, str]
    pace: Pace
    #: The queue a letter goes to; empty where nobody knows.
    destination: Callable[[Letter], str]
    #: Where letters go, as far as it is known before.
    queues: tuple[str, ...]
    #: Letter → the body that goes in place of its own.
    bodies: Mapping[str, bytes]


def replaying(
    proposal: Proposal, pace: Pace, destination: Callable[[Letter], str], *, anyway: bool
) -> Task:
    """Return the replay of what was proposed; with `anyway` also of what would be refused again."""
    kinds, canaries = proposal.meant.kinds, proposal.canaries
    if anyway:
        # What would be refused again goes first only where nothing else of its kind goes.
        latest = {group.fingerprint: group.example_id for group in proposal.meant.groups}
        canaries = latest | dict(canaries)
    else:
        kinds = {one: kinds[one] for one in proposal.passing}
    left = {} if anyway else proposal.failing
    return Task(
        kinds=kinds,
        largest=proposal.meant.largest,
        kept={f"{FAIL_AGAIN} ({reason})": n for reason, n in left.items()},
        canaries=canaries if pace.canary else {},
        pace=pace,
        destination=destination,
        queues=tuple(proposal.queues),
        bodies={},
    )


def editing(letter: Letter, body: bytes, queue: str) -> Task:
    """Return the sending of one letter with another body."""
    return Task(
        kinds={letter.id: letter.fingerprint},
        largest=letter.size,
        kept={},
        canaries={},
        pace=AT_ONCE,
        destination=lambda _: queue,
        queues=(queue,),
        bodies={letter.id: body},
    )


def discarding(meant: Meant) -> Task:
    """Return the discarding of letters."""
    return Task(
        kinds=meant.kinds,
        largest=meant.largest,
        kept={},
        canaries={},
        pace=AT_ONCE,
        destination=lambda _: "",
        queues=(),
        bodies={},
    )
