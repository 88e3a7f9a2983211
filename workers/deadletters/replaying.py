"""A letter as the message it was, on its way back to where it came from. Pure.

Attempts start anew. What stays is where it came from, when it was first seen, and of which letter
it is a replay - the same for every copy, should an interruption have made two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers import headers as h
from workers.answering.asking import DIRECT
from workers.publication import Publication

if TYPE_CHECKING:
    from topology import Names
    from workers.deadletters.letter import Letter, Summary

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


def publication(letter: Letter, queue: str, *, body: bytes | None = None) -> Publication:
    """Return the clean message: the body byte for byte, the sender's harmless headers, and ours.

    With `body` the message has that in place of its own: an operator mended it.
    """
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
        letter.body if body is None else body,
        headers,
        content_type=_short(properties.content_type),
        content_encoding=_short(properties.content_encoding),
        correlation_id=_short(properties.correlation_id),
        # The bare name means a consumer of this very connection, which there is none of.
        reply_to=None if properties.reply_to == DIRECT else _short(properties.reply_to),
        type=_short(properties.type),
        timestamp=properties.timestamp,
    )


def _short(text: str | None) -> str | None:
    """Return a text that fits AMQP's 255 bytes: replacement characters may have made it longer."""
    return None if text is None else text.encode()[:LONGEST_SHORT].decode("utf-8", "ignore")
