"""Hears a fanout exchange beside the work, in a queue that lives and dies with the connection.

It has a channel of its own: a right that is missing, or a queue that is deleted, costs the work
nothing. Whatever stops it, it is tried again later.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from typing import TYPE_CHECKING, Final

from aio_pika.exceptions import AMQPChannelError

from workers.link.connection import ANSWER_WITHIN
from workers.link.ending import Ending
from workers.link.intake import Intake
from workers.link.supervisor import Lost

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.link.connection import Wire
    from workers.outcome import Delivery

log = logging.getLogger("leveret.link")

_TAG: Final = "leveret-ear"
#: Messages in the queue before the oldest goes; nobody says that much to a worker that listens.
MOST_WAITING: Final = 100
#: Seconds between two tries to listen.
TRY_EVERY: Final = 30.0


class Ear:
    """Hands what an exchange says to `sink`; `queue` makes the queue's name from a random word.

    The name is new each time: the broker may still hold the queue of a connection that was lost.
    """

    def __init__(
        self, exchange: str, queue: Callable[[str], str], sink: Callable[[Delivery], None]
    ) -> None:
        self._exchange = exchange
        self._queue = queue
        self._sink = sink
        self._wire: Wire | None = None
        self._ending: Ending | None = None
        self._tried = 0.0

    async def attend(self, wire: Wire, stir: asyncio.Event) -> None:
        """Listen on this connection, unless that is so already or was tried a moment ago."""
        if self._wire is wire and (self._listens() or time.monotonic() - self._tried < TRY_EVERY):
            return
        self._wire, self._tried = wire, time.monotonic()
        try:
            self._ending = await self._listen(wire, stir)
        except AMQPChannelError as error:
            self._ending = None
            log.warning(
                "nothing is heard on %s (%s): `leveret ctl` does not reach this worker; give its "
                "user the rights of the worker role",
                self._exchange,
                error,
            )

    def _listens(self) -> bool:
        if self._ending is None:
            return False
        try:
            self._ending.check()
        except (Lost, AMQPChannelError):
            return False
        return True

    async def _listen(self, wire: Wire, stir: asyncio.Event) -> Ending:
        name = self._queue(secrets.token_hex(4))
        channel = await wire.channel(confirms=False)
        ending = Ending(wire, channel, stir)
        await channel.queue_declare(
            name,
            exclusive=True,
            auto_delete=True,
            arguments={"x-max-length": MOST_WAITING},
            timeout=ANSWER_WITHIN,
        )
        await channel.queue_bind(name, self._exchange, timeout=ANSWER_WITHIN)
        Intake({_TAG.encode(): name}, self._sink).attach(wire, channel.number)
        await channel.basic_consume(
            name, _never, no_ack=True, consumer_tag=_TAG, timeout=ANSWER_WITHIN
        )
        return ending


async def _never(_message: object) -> None:
    """Stand where aio-pika wants a callback; the tap takes every delivery before it gets there."""
    raise AssertionError("a delivery passed the tap")
