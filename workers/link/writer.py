"""Makes the frames of what is published; those of one turn of the loop leave in one write."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING, Final

from workers.link.prepared import AnswerKinds, Routes
from workers.link.properties import decode_properties
from workers.link.wire import pack_properties
from workers.outcome import Answer
from workers.publication import Publication

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.link.connection import Wire

APP_ID: Final = "leveret"
#: Persistent: an answer or a dead letter must survive a broker restart.
PERSISTENT: Final = 2


class Writer:
    """Writes to one publishing channel, in as many lives as that has."""

    def __init__(self, *, user: str, mandatory: bool, left: Callable[[], None]) -> None:
        self._user = user
        #: Told when all that was added is on its way.
        self._left = left
        self._wire: Wire | None = None
        self._out: list[bytes | memoryview] = []
        self._due = False
        #: Whether the broker asked us to hold back (a memory or disk alarm).
        self.blocked = False
        #: Message ids are never used twice, not even for the same message sent again.
        self._mark = secrets.token_hex(8).encode()
        self._numbers = 0
        self._routes = Routes(mandatory=mandatory)
        self._properties = AnswerKinds(user, APP_ID)

    @property
    def is_open(self) -> bool:
        """Whether there is a channel to write to."""
        return self._wire is not None

    def begin(self, wire: Wire, channel: int) -> None:
        """Write to this channel from now on."""
        self._wire = wire
        self._routes.begin(channel)

    def end(self) -> None:
        """Write nothing more; what is not written yet is forgotten, and so is an alarm."""
        self._wire = None
        self._out.clear()
        self.blocked = False

    def block(self, blocked: bool) -> None:  # noqa: FBT001 - the broker's own yes or no
        """Hold everything back while the broker asks for it, and send it on afterwards."""
        self.blocked = blocked
        if not blocked:
            self._flush_soon()

    def add(self, message: Publication | Answer) -> None:
        """Have a message leave with the next flush, this turn of the loop at the latest.

        Raises ValueError, and adds nothing, for one that does not fit into AMQP or a frame.
        """
        message_id = b"%s-%d" % (self._mark, self._numbers + 1)
        if isinstance(message, Answer) and not message.headers:
            prepared = self._properties[message.content_type, message.message_type]
            second = int(time.time())
            properties = prepared.pack(message.correlation_id.encode(), message_id, second)
        else:
            properties = self._pack(message, message_id)
        route = self._routes[message.exchange, message.routing_key]
        route.append(self._out, properties, message.body, self._wire.frame_max)  # type: ignore[union-attr] # only called with a wire
        self._numbers += 1
        if not self._due:
            self._flush_soon()

    def since(self, header: bytes) -> int | None:
        """Return how many were added after the one with this content header; None if not ours."""
        mark, _, number = (decode_properties(header).message_id or "").partition("-")
        if mark == self._mark.decode() and number.isdecimal():
            return self._numbers - int(number)
        return None

    def flush(self) -> None:
        """Write what was added, unless the broker asked us to hold back."""
        self._due = False
        if self._wire is not None and self._out and not self.blocked:
            self._wire.write(b"".join(self._out))
            self._out.clear()
            self._left()

    def _flush_soon(self) -> None:
        self._due = True
        asyncio.get_running_loop().call_soon(self.flush)

    def _pack(self, message: Publication | Answer, message_id: bytes) -> bytes:
        if isinstance(message, Answer):
            message = _whole(message)
        return pack_properties(
            content_type=message.content_type,
            content_encoding=message.content_encoding,
            headers=message.headers,
            delivery_mode=PERSISTENT,
            correlation_id=message.correlation_id,
            reply_to=message.reply_to,
            message_id=message_id.decode(),
            timestamp=int(time.time()) if message.timestamp is None else message.timestamp,
            type=message.type,
            user_id=self._user,
            app_id=APP_ID,
        )


def _whole(answer: Answer) -> Publication:
    """Return an answer with headers as any publication; what is prepared has none."""
    return Publication(
        answer.exchange,
        answer.routing_key,
        answer.body,
        answer.headers,
        content_type=answer.content_type,
        correlation_id=answer.correlation_id,
        type=answer.message_type,
    )
