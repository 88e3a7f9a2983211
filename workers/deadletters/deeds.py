"""One action as the history tells it, put together from its notes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from workers.deadletters.changes import Change, read_changes
from workers.deadletters.notes import Step, Verb

if TYPE_CHECKING:
    from workers.deadletters.notes import Note

#: How an action ended of which only its beginning is known, and that nobody works on any more.
INTERRUPTED: Final = "interrupted"
#: Steps of steering remembered of one action; a person pauses it now and then.
MOST_STEERED: Final = 50


@dataclass(frozen=True, slots=True)
class Steered:
    """What a person did to an action on its way."""

    #: `paused`, `resumed` or `stopped`.
    what: str
    who: str
    #: ISO 8601, UTC.
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One action, as the history tells it; times are ISO 8601 in UTC."""

    run: str
    verb: str
    began: str
    #: None while it goes on, and where it was interrupted.
    ended: str | None = None
    #: The broker user, whom the broker knows.
    by: str
    #: The person, as the program told it: a system's or a console's user.
    who: str
    why: str = ""
    #: Which letters were meant.
    selection: str = ""
    #: How many of them.
    meant: int = 0
    #: What an edit changed in the body.
    changes: tuple[Change, ...] = ()
    #: How many were closed.
    done: int = 0
    #: Of those, how many their workers said to be done, and how many came back, until it ended.
    succeeded: int = 0
    returned: int = 0
    #: How many were left, by reason.
    kept: Mapping[str, int] = field(default_factory=dict)
    #: How many were not there any more: somebody else was quicker.
    gone: int = 0
    #: How many a reconcile found in the queue that the journal did not know.
    found: int = 0
    #: Who paused, resumed or stopped it, and when.
    steered: tuple[Steered, ...] = ()
    #: `done`, `stopped`, `halted`, `failed` or `interrupted`; empty while it goes on.
    outcome: str = ""
    #: Queue of the letters.
    queue: str = ""
    #: Some of the letters it closed.
    examples: tuple[str, ...] = ()

    @property
    def paused_by(self) -> str:
        """Who holds it; empty while it goes on, and when it is over."""
        last = self.steered[-1] if self.steered and not self.outcome else None
        return last.who if last and last.what == "paused" else ""

    @property
    def told(self) -> str:
        """How it ended or stands, in a few words: `stopped by bob, 5 gone already`."""
        parts = [self._state]
        if self.verb == Verb.RECONCILE:
            counts = [(self.gone, "gone from the queue"), (self.found, "found in it")]
        else:
            counts = [(self.returned, "back"), (self.gone, "gone already")]
        return ", ".join(parts + [f"{count} {what}" for count, what in counts if count])

    @property
    def _state(self) -> str:
        if not self.outcome:
            return f"paused by {self.paused_by}" if self.paused_by else "goes on"
        stopped = [one.who for one in self.steered if one.what == "stopped" and one.who]
        return f"stopped by {stopped[0]}" if self.outcome == "stopped" and stopped else self.outcome


def in_the_way(deed: Deed) -> str:
    """Return what to say to somebody who would act while this action has the letters in hand."""
    verb = {
        Verb.REPLAY.value: "a replay",
        Verb.EDIT.value: "an edit",
        Verb.DISCARD.value: "a discard",
    }
    held = (
        f"{deed.paused_by} paused it, so it goes on only when somebody resumes or stops it"
        if deed.paused_by
        else "try again when it is done, or have it stopped"
    )
    return (
        f"{verb.get(deed.verb, 'an action')} of {deed.queue} by {deed.who or deed.by} goes on (run "
        f"{deed.run}, began {deed.began[:19]}, {deed.done} of {deed.meant} done), and only one can "
        f"have these letters in hand; {held}"
    )


def with_note(deed: Deed | None, note: Note) -> Deed:
    """Return the deed as it stands after another note about it."""
    if deed is None:
        deed = Deed(
            run=note.run,
            verb=note.verb,
            began=note.at,
            by=note.by,
            who=note.text("who"),
            why=note.text("why"),
            selection=note.text("selection"),
            meant=note.count("meant"),
            changes=read_changes(note.told.get("changes")),
            queue=note.queue,
        )
    match note.step:
        case Step.CLOSED:
            some = (*deed.examples, *note.ids)[:3]
            return replace(deed, done=deed.done + len(note.ids), examples=some)
        case Step.RECONCILED:
            return replace(
                deed,
                done=deed.done + len(note.ids),
                gone=deed.gone + len(note.ids),
                found=deed.found + len(note.found()),
                outcome="done",
                ended=note.at,
            )
        case Step.STEERED:
            step = Steered(note.text("what"), note.text("who"), note.at)
            return replace(deed, steered=(*deed.steered, step)[:MOST_STEERED])
        case Step.ENDED:
            return replace(
                deed,
                ended=note.at,
                outcome=note.text("outcome"),
                done=max(deed.done, note.count("done")),
                kept=note.counts("kept"),
                gone=note.count("gone"),
                succeeded=note.count("succeeded"),
                returned=note.count("returned"),
            )
        case Step.BEGAN:
            return deed
