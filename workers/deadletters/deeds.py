"""One action as the history tells it, put together from its notes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from workers.deadletters.notes import Step

if TYPE_CHECKING:
    from workers.deadletters.notes import Note


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
    #: How many were closed.
    done: int = 0
    #: Of those, how many their workers said to be done, and how many came back, until it ended.
    succeeded: int = 0
    returned: int = 0
    #: How many were left, by reason.
    kept: Mapping[str, int] = field(default_factory=dict)
    #: `done`, `stopped`, `halted` or `failed`; empty while it goes on, and after a kill.
    outcome: str = ""
    #: Queue of the letters.
    queue: str = ""
    #: Some of the letters it closed.
    examples: tuple[str, ...] = ()


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
            queue=note.queue,
        )
    match note.step:
        case Step.CLOSED:
            some = (*deed.examples, *note.ids)[:3]
            return replace(deed, done=deed.done + len(note.ids), examples=some)
        case Step.RECONCILED:
            gone, new = len(note.ids), len(note.found())
            kept = Counter(deed.kept) + Counter({"gone from the queue": gone, "found in it": new})
            return replace(deed, kept=kept, outcome="done", ended=note.at)
        case Step.ENDED:
            return replace(
                deed,
                ended=note.at,
                outcome=note.text("outcome"),
                done=max(deed.done, note.count("done")),
                kept=note.counts("kept"),
                succeeded=note.count("succeeded"),
                returned=note.count("returned"),
            )
        case Step.BEGAN:
            return deed
