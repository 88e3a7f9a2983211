"""What was done with letters, as it is written to the journal and read back. Pure.

A run is one action of one operator: a note that it began, notes about the letters it closed, and a
note how it ended. Only the broker's own word says who it was; the name beside it is told by the
program that the operator used.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import orjson

from workers.deadletters.instants import instant
from workers.deadletters.letter import Summary
from workers.publication import Publication

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from topology import Names
    from workers.deadletters.changes import Change
    from workers.link.desk import Desk
    from workers.outcome import Delivery

#: The AMQP type of a note in the journal, which tells it from the letters there.
NOTE: Final = "leveret.note"
_TIMES: Final = frozenset({"first_seen", "failed_at"})
#: Ids told in one note; more go into further ones.
MOST_IDS: Final = 200


class Step(StrEnum):
    """What a note tells."""

    BEGAN = "began"
    #: Letters left the open ones.
    CLOSED = "closed"
    #: The queue was compared with the journal.
    RECONCILED = "reconciled"
    #: A person paused, resumed or stopped it.
    STEERED = "steered"
    ENDED = "ended"


class Verb(StrEnum):
    """What an operator did."""

    REPLAY = "replay"
    EDIT = "edit"
    DISCARD = "discard"
    RECONCILE = "reconcile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Who does what, why, and to which letters."""

    desk: Desk
    run: str
    verb: Verb
    who: str
    why: str = ""
    selection: str = ""
    #: What an edit changes.
    changes: tuple[Change, ...] = ()

    @property
    def names(self) -> Names:
        """The names at the broker."""
        return self.desk.names

    @property
    def group(self) -> str:
        """Whose letters they are."""
        return self.desk.group


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One note, read back."""

    step: Step
    run: str
    verb: str
    queue: str
    by: str
    at: str
    told: Mapping[str, Any]

    @property
    def ids(self) -> tuple[str, ...]:
        """The letters it is about."""
        return self.texts("ids")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts that it tells in a list."""
        values = self.told.get(name)
        return tuple(map(str, values)) if isinstance(values, list) else ()

    def text(self, name: str) -> str:
        """Return a text it tells, or an empty one."""
        value = self.told.get(name)
        return value if isinstance(value, str) else ""

    def count(self, name: str) -> int:
        """Return a number it tells, or 0."""
        return _number(self.told.get(name))

    def counts(self, name: str) -> dict[str, int]:
        """Return numbers by name that it tells."""
        value = self.told.get(name)
        return {str(k): _number(n) for k, n in value.items()} if isinstance(value, dict) else {}

    def found(self) -> list[Summary]:
        """Return the letters that were in the queue and not in the journal."""
        rows = self.told.get("found")
        read = map(_summary, rows) if isinstance(rows, list) else ()
        return [letter for letter in read if letter is not None]


def began(action: Action, meant: int, now: datetime) -> Publication:
    """Return the note that an action begins."""
    told = {
        "who": action.who,
        "why": action.why,
        "selection": action.selection,
        "meant": meant,
    }
    if action.changes:
        told["changes"] = action.changes
    return _note(action, Step.BEGAN, now, told)


def closed(action: Action, ids: Sequence[str], now: datetime) -> Publication:
    """Return the note that letters leave the open ones."""
    return _note(action, Step.CLOSED, now, {"ids": list(ids)})


def steered(action: Action, what: str, who: str, now: datetime) -> Publication:
    """Return the note that a person `paused`, `resumed` or `stopped` an action."""
    return _note(action, Step.STEERED, now, {"what": what, "who": who})


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How an action ended."""

    outcome: str
    done: int = 0
    kept: Mapping[str, int] = field(default_factory=dict)
    #: Letters that were not there any more.
    gone: int = 0
    #: Letters that were sent and may still lie in the queue.
    unremoved: int = 0
    #: Earlier runs that were interrupted, of which nothing is left to do.
    finishes: tuple[str, ...] = ()
    #: Letters whose workers said that they are done, and letters that came back, until it ended.
    succeeded: int = 0
    returned: int = 0


def ended(action: Action, end: End, now: datetime) -> Publication:
    """Return the note that an action is over."""
    return _note(action, Step.ENDED, now, asdict(end) | {"kept": dict(end.kept)})


def reconciled(
    action: Action,
    missed: Iterable[str],
    found: Iterable[Summary],
    *,
    surplus: int,
    now: datetime,
) -> Iterable[Publication]:
    """Yield the notes of what a comparison found: few letters in each.

    `surplus` is how many more letters the queue has than different ones.
    """
    gone, new = list(missed), [asdict(letter) for letter in found]
    for at in range(0, max(len(gone), len(new), 1), MOST_IDS):
        told = {
            "who": action.who,
            "ids": gone[at : at + MOST_IDS],
            "found": new[at : at + MOST_IDS],
            "surplus": surplus,
        }
        yield _note(action, Step.RECONCILED, now, told)


def read_note(delivery: Delivery, names: Names) -> Note | None:
    """Return the note in a message of the journal, or None for a letter or nonsense."""
    if delivery.routing_key != names.journal_key or delivery.properties.type != NOTE:
        return None
    try:
        told = orjson.loads(delivery.body)
        at = instant(told["at"])
        if at is None:
            return None
        return Note(
            step=Step(told["step"]),
            run=str(told["run"]),
            verb=str(told["verb"]),
            queue=str(told["queue"]),
            by=delivery.properties.user_id or "",
            at=at,
            told=told,
        )
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError):  # another version's
        return None


def _note(action: Action, step: Step, now: datetime, told: Mapping[str, Any]) -> Publication:
    about = {
        "step": step.value,
        "run": action.run,
        "verb": action.verb.value,
        "group": action.group,
        "queue": action.desk.queue,
        "at": now.isoformat(),
    }
    names = action.names
    return Publication(names.dead, names.journal_key, orjson.dumps(about | dict(told)), type=NOTE)


def _summary(row: object) -> Summary | None:
    """Return a letter as it was told, or None for what is none; every value is of its type."""
    if not isinstance(row, dict) or not isinstance(row.get("id"), str):
        return None
    told: dict[str, Any] = {}
    for one in fields(Summary):
        value = row.get(one.name)
        if one.name in _TIMES:
            told[one.name] = instant(value)
        elif one.type == "int":
            told[one.name] = _number(value)
        elif one.type == "bool":
            told[one.name] = value is True
        elif isinstance(value, str):
            told[one.name] = value
        else:
            told[one.name] = None if "None" in str(one.type) else ""
    return Summary(**told)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
