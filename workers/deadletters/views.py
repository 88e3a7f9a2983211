"""What the workbench answers: plain frozen data, for a terminal and a web page alike.

All texts may come from a stranger: clean them before a terminal or a browser sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from workers.counting import plural

if TYPE_CHECKING:
    from workers.deadletters.deeds import Deed
    from workers.deadletters.foresight import Foreseen
    from workers.deadletters.groups import Group
    from workers.deadletters.letter import Letter, Summary
    from workers.deadletters.marking import Shape
    from workers.settling.replays import Replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far an answer can be relied on."""

    #: Letters that are open.
    open: int
    #: What a person should know or do; empty if nothing.
    warning: str = ""
    #: Whether an action has letters in hand at this moment.
    busy: bool = False
    #: Letters that an interrupted run has sent, and that may still lie in the queue.
    left_over: int = 0
    #: Whether the queue itself was looked through just now.
    scanned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A page of the letters that fit, newest first."""

    letters: tuple[Summary, ...]
    #: How many fit in all.
    matching: int
    #: Letters that fit and are newer than this page.
    before: int
    standing: Standing

    @property
    def more(self) -> int:
        """How many fit and are older than this page."""
        return self.matching - self.before - len(self.letters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """The letters that fit, by fingerprint; the largest group first."""

    groups: tuple[Group, ...]
    matching: int
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A page of the letters that fit, and what there is to choose from."""

    listing: Listing
    #: Of the letters that fit.
    groups: tuple[Group, ...]
    #: Of all open letters.
    all_groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One letter, whole."""

    letter: Letter
    #: Its body as it may be shown, with the places of the errors marked.
    body: Shape
    #: What a replay would do now; None where nobody can tell (no registry was given).
    foreseen: Foreseen | None
    #: Whether it is open; if not, what closed it may be among the deeds.
    open: bool
    #: What was done with it and with the letters it is a replay of, oldest first.
    deeds: tuple[Deed, ...]
    #: What a worker said became of its replay; None where none did.
    replayed: Replayed | None
    #: The queue a replay would go to; empty where nobody knows.
    destination: str
    #: The body as it may be edited: hidden values stand as `••••`, and stay what they are.
    editable: bytes
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """The letters that an action would touch; valid until somebody else acts."""

    #: Letter → fingerprint.
    kinds: Mapping[str, str]
    #: Bytes of the largest body.
    largest: int
    #: How many letters of each fingerprint.
    groups: tuple[Group, ...]
    #: What was asked for and no open letter is called.
    unknown: tuple[str, ...]
    #: What was asked, in one line.
    described: str
    standing: Standing

    @property
    def count(self) -> int:
        """How many letters."""
        return len(self.kinds)

    @property
    def ids(self) -> frozenset[str]:
        """Their ids."""
        return frozenset(self.kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a replay would do now."""

    meant: Meant
    #: Those that today's worker would take; all of them where nobody can tell.
    passing: frozenset[str]
    #: Of those, letters of which only a run can tell: the processor itself, or the broker, gave
    #: them up before, or nobody can judge them.
    undecided: int
    #: Of the undecided, letters whose workers' processors are not known here.
    unjudged: int
    #: How many would be refused again, by reason.
    failing: Mapping[str, int]
    #: How many letters would go to each queue.
    queues: Mapping[str, int]
    #: Fingerprint → the letter of it that would go first, and alone: one that would pass, if any.
    canaries: Mapping[str, str]

    @property
    def told(self) -> str:
        """The proposal in a few words: `73 of 80 would now pass; of 5 more only a run can tell`."""
        if self.undecided and self.undecided == self.meant.count:
            whether = "it passes" if self.undecided == 1 else "they pass"
            return f"{plural(self.undecided, 'letter')}: only a run can tell whether {whether}"
        told = f"{self.foretold} of {self.meant.count} would now pass"
        return f"{told}; of {self.undecided} more only a run can tell" if self.undecided else told

    @property
    def foretold(self) -> int:
        """How many would surely be taken by today's worker, and were not given up by one."""
        return len(self.passing) - self.undecided


class Phase(StrEnum):
    """How far an action is."""

    BEGINNING = "beginning"
    #: One letter of each fingerprint is sent, and waited for.
    CANARY = "canary"
    WORKING = "working"
    #: All is sent; letters may still come back.
    WATCHING = "watching"
    OVER = "over"


class Ending(StrEnum):
    """How an action ended."""

    DONE = "done"
    STOPPED = "stopped"
    #: Every letter left belongs to a fingerprint that came back.
    HALTED = "halted"
    FAILED = "failed"


class Verdict(StrEnum):
    """What is known of a first letter."""

    WAITING = "waiting"
    #: Its worker says that it is done.
    DONE = "done"
    #: It is a dead letter again.
    BACK = "came back"
    #: It failed and is tried again later.
    AGAIN = "is tried again"
    #: It did not come back, and no worker said what became of it.
    SILENT = "did not come back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """The letter of a fingerprint that went first and alone, and what is known of it."""

    fingerprint: str
    letter_id: str
    verdict: Verdict = Verdict.WAITING
    #: From its sending until that was known, or until nobody waited any longer.
    seconds: float = 0.0
    #: Who told; empty where nobody did.
    worker: str = ""

    def judged(self, verdict: Verdict, seconds: float, worker: str = "") -> Canary:
        """Return the same with what is known now."""
        return replace(self, verdict=verdict, seconds=seconds, worker=worker)


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A fingerprint whose letters fail again, so that the rest of them stayed."""

    fingerprint: str
    #: The new letter that came back; the old one, where it is tried again.
    letter_id: str
    error_code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How an action goes; the last one, whose phase is OVER, is its result."""

    run: str
    verb: str
    phase: Phase
    #: Letters that were meant.
    total: int
    #: Confirmed by the broker, and removed from the dead letters.
    done: int = 0
    #: Left where they were, by reason.
    kept: Mapping[str, int] = field(default_factory=dict)
    #: Sent, and dead letters again by now.
    returned: int = 0
    #: Sent, and done, as their workers said.
    succeeded: int = 0
    #: Sent, failed, and waiting to be tried again, as their workers said.
    retrying: int = 0
    #: Sent, and nobody said yet what became of them; those that are tried again are among them.
    unknown: int = 0
    #: The letters that went first.
    canaries: tuple[Canary, ...] = ()
    halts: tuple[Halt, ...] = ()
    #: Not among the letters any more: somebody else was quicker.
    gone: int = 0
    #: Closed, but still lying in the queue; the next action removes them.
    unremoved: int = 0
    #: Left over from an interrupted run, sent before and now removed.
    finished: int = 0
    #: Closed without a note in the journal.
    unnoted: int = 0
    #: Seconds since it began.
    seconds: float = 0.0
    #: Letters a second that are allowed now; 0 for no limit.
    rate: float = 0.0
    #: Whether a person holds it.
    paused: bool = False
    ending: Ending | None = None
    #: Why it failed, in one line.
    why: str = ""

    @property
    def left(self) -> int:
        """How many are neither done nor given up."""
        return max(0, self.total - self.done - self.gone - sum(self.kept.values()))
