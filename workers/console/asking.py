"""Publishes one message for somebody at the console, and waits for its answer a while."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from topology import Names
from workers.link.client import Client
from workers.publication import Publication, Published

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.outcome import Delivery
    from workers.settings import Settings

#: Seconds a page waits for the broker's confirm, and then for an answer.
PATIENCE: Final = 10.0
#: People who publish at once; each has two connections to the broker while they wait.
AT_ONCE: Final = 4

#: What is said of each fate but the good one, and what to do.
TROUBLE: Final = {
    Published.RETURNED: "No queue takes this type: no group's bindings match it. Declare them with "
    "`leveret topology apply`.",
    Published.REFUSED: "Its queue is full or failing; the message was not taken. See Now, and "
    "publish it again later.",
    Published.CLOSED: "The exchange for requests is not there, or this console's user may not "
    "publish to it: run `leveret topology apply`, or give it the publisher's rights.",
    Published.UNSENDABLE: "It does not fit into what this broker takes in one message; nothing was "
    "sent. Make it smaller.",
    Published.UNKNOWN: "The line was lost: nobody knows whether it was taken. Look for its answer "
    "or dead letter before you publish it again.",
}
_SILENT: Final = (
    "The broker did not confirm it in time: it may be in alarm, and take it later. See that it is "
    "well (`leveret doctor`) before you publish it again."
)


class Answered(NamedTuple):
    """What came of a publication."""

    #: Empty when it was published; else what went wrong, in words.
    trouble: str
    #: The answer's bytes and type; None where none came in time.
    body: bytes | None = None
    type: str = ""
    #: From the publication to the answer, or to giving up.
    seconds: float = 0.0


class Asking:
    """Asks for people; raises LinkError where the broker cannot be had."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._names = Names(settings.prefix)
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def ask(self, make: Callable[[str], bytes], key: str, kind: str) -> Answered:
        """Publish what `make` returns for our agent id, and wait."""
        url = self._settings.amqp_url
        if url is None:
            return Answered("No broker is configured; set LEVERET_AMQP_URL.")
        answer: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()

        def heard(delivery: Delivery) -> None:
            if not answer.done():
                answer.set_result(delivery)

        client = Client(
            url.get_secret_value(),
            self._names,
            heard=heard,
            connect_timeout=self._settings.connect_timeout,
        )
        async with self._slots, client:
            message = Publication(
                self._names.requests,
                key,
                make(client.agent_id),
                reply_to=client.reply_to,
                type=kind,
            )
            return await _asked(client, message, answer)


async def _asked(
    client: Client, message: Publication, answer: asyncio.Future[Delivery]
) -> Answered:
    """Publish, and tell what came of it: trouble, silence, or the answer."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE):
            fate = await client.publish(message)
    except TimeoutError:
        return Answered(_SILENT)
    if fate is not Published.CONFIRMED:
        return Answered(TROUBLE[fate])
    await asyncio.wait([answer], timeout=PATIENCE)
    passed = time.monotonic() - began
    if not answer.done():
        return Answered("", seconds=passed)
    told = answer.result()
    return Answered("", told.body, told.properties.type or "", passed)
