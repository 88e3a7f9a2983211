"""A letter as the message it was, on its way back to where it came from. Pure.

Attempts start anew. What stays is where it came from, when it was first seen, and of which letter
it is a replay - the same for every copy, should an interruption have made two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from workers import headers as h
from workers.publication import Publication

if TYPE_CHECKING:
    from datetime import datetime

    from topology import Names
    from workers.deadletters.letter import Letter, Summary

#: The AMQP type of a note in the journal, which tells it from the letters there.
NOTE: Final = "leveret.note"
#: Bytes of a short string.
LONGEST_SHORT: Final = 255
#: The exchange that reaches every queue by its name.
DEFAULT_EXCHANGE: Final = ""


def destination(letter: Summary, names: Names, group: str) -> str:
    """Return the work queue that a replay goes to: the one it came from, else the group's first.

    Always a queue of the group whose dead letter it is. No other group gets it a second time, and a
    forged letter cannot send an operator's replay anywhere else.
    """
    work = names.work(group)
    return letter.queue if letter.queue in {work, names.urgent(group)} else work


def publication(letter: Letter, queue: str) -> Publication:
    """Return the clean message: the body byte for byte, the sender's harmless headers, and ours."""
    properties = letter.properties
    kept = h.kept(properties).items()
    # A name that was no UTF-8 may have grown: replacement characters have three bytes.
    headers = {name: value for name, value in kept if len(name.encode()) <= LONGEST_SHORT} | h.told(
        {
            h.FIRST_SEEN: letter.first_seen or letter.failed_at,
            h.EXCHANGE: letter.exchange,
            h.ROUTING_KEY: letter.routing_key,
            h.MESSAGE_ID: letter.message_id,
            h.USER_ID: letter.user_id,
            h.REPLAYS: letter.replays + 1,
            h.REPLAY_OF: letter.id,
        },
    )
    return Publication(
        DEFAULT_EXCHANGE,
        queue,
        letter.body,
        headers,
        content_type=_short(properties.content_type),
        content_encoding=_short(properties.content_encoding),
        correlation_id=_short(properties.correlation_id),
        reply_to=_short(properties.reply_to),
        type=_short(properties.type),
        timestamp=properties.timestamp,
    )


class Action(NamedTuple):
    """Who did something with letters, and where."""

    names: Names
    group: str
    #: The broker user.
    by: str


def note(letter: Summary, queue: str, action: Action, now: datetime) -> Publication:
    """Return the line of history that says a letter was replayed; it goes to the journal only."""
    told = {
        "action": "replayed",
        "letter_id": letter.id,
        "group": action.group,
        "by": action.by,
        "at": now.isoformat(),
        "queue": queue,
        "error_code": letter.error_code,
        "fingerprint": letter.fingerprint,
        "message_type": letter.message_type,
        "task_type": letter.task_type,
        "replays": letter.replays + 1,
    }
    return Publication(
        action.names.dead,
        action.names.journal_key,
        orjson.dumps(told),
        type=NOTE,
    )


def _short(text: str | None) -> str | None:
    """Return a text that fits AMQP's 255 bytes: replacement characters may have made it longer."""
    return None if text is None else text.encode()[:LONGEST_SHORT].decode("utf-8", "ignore")
