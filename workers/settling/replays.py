"""What became of a replayed message: a worker tells the journal, so that no operator has to guess.

It is told once the replay is settled. One that failed for good says so itself, as a new dead
letter; what was done, and what is to be tried again, only the worker knows. The word is sent after
the ack and promises nothing: where it is missing, nobody knows. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from workers import headers as h
from workers.outcome import Batched, Replied, Retried
from workers.publication import Publication

if TYPE_CHECKING:
    from datetime import datetime

    from topology import Names
    from workers.outcome import Delivery, Outcome
    from workers.settling.copies import Origin

#: The AMQP type of such a word in the journal.
REPLAYED: Final = "leveret.replayed"
#: What it says.
DONE: Final = "done"
AGAIN: Final = "again"
#: Characters of a reason.
LONGEST_REASON: Final = 300


class Replayed(NamedTuple):
    """What became of the replay of a letter."""

    #: The letter that was replayed.
    letter_id: str
    #: `done`, or `again`: it failed and is tried once more later.
    end: str
    worker: str
    #: ISO 8601, UTC.
    at: str
    #: Why it is tried again.
    error_code: str = ""
    reason: str = ""


def word(delivery: Delivery, outcome: Outcome, origin: Origin, now: datetime) -> Publication | None:
    """Return what to tell of a settled delivery; None for what is no replay, or tells itself."""
    if h.REPLAY_OF not in delivery.properties.headers:
        return None
    letter_id = h.past(delivery, origin.user, origin.operators).replay_of
    if letter_id is None:  # a stranger's header
        return None
    match outcome:
        case Replied():
            told = Replayed(letter_id, DONE, origin.worker, now.isoformat())
        case Batched(rest=None) if all(isinstance(end.outcome, Replied) for end in outcome.ends):
            told = Replayed(letter_id, DONE, origin.worker, now.isoformat())
        case Retried(held=False, failure=failure):
            told = Replayed(
                letter_id,
                AGAIN,
                origin.worker,
                now.isoformat(),
                failure.code.value,
                failure.reason[:LONGEST_REASON],
            )
        case _:
            return None
    names = origin.names
    return Publication(names.dead, names.journal_key, orjson.dumps(told._asdict()), type=REPLAYED)


def heard(delivery: Delivery, names: Names) -> Replayed | None:
    """Return the word in a message of the journal, or None for anything else."""
    if delivery.properties.type != REPLAYED or delivery.routing_key != names.journal_key:
        return None
    try:
        told = orjson.loads(delivery.body)
        return Replayed(**{name: str(told[name]) for name in Replayed._fields})
    except (orjson.JSONDecodeError, KeyError, TypeError):  # another version's
        return None
