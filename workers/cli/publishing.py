"""One call of `leveret publish`: what went out, what became of it, what came back."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import orjson

from workers.cli import DONE, FAILED, NOTHING_FOUND, Failure
from workers.cli.answers import Answers
from workers.cli.outgoing import Outgoing, outgoing
from workers.cli.say import say, some, write
from workers.counting import plural
from workers.link.client import Client
from workers.publication import Publication, Published

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from topology import Names
    from topology.apply import Depth
    from workers.settings import Settings

#: Publications whose confirm may be outstanding; enough to fill a line, few enough for memory.
UNCONFIRMED: Final = 500
#: Seconds without all answers after which a person is told what is waited for.
SILENT: Final = 3.0
#: What is said about each fate, and what to do about it.
_FATES: Final = {
    Published.RETURNED: "not routed: no queue takes routing key {key} on {exchange}; declare the "
    "group's queues (leveret topology apply), or give another --routing-key",
    Published.REFUSED: "refused by the broker: a queue they go to is full or failing; look at "
    "`leveret top`, and send them again later",
    Published.CLOSED: "refused by the broker: {exchange} is not there, or not for this user to "
    "publish to; run `leveret topology apply`, or connect as one with the permissions of the "
    "publisher role (leveret topology export --users)",
    Published.UNSENDABLE: "not sent: they do not fit into what this broker takes in one message",
    Published.UNKNOWN: "unconfirmed when the connection was lost; they may be there or not",
}
#: Fates of messages that surely are nowhere, and not for want of a queue.
_REFUSALS: Final = (Published.REFUSED, Published.CLOSED, Published.UNSENDABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How the messages are sent."""

    wait: bool
    timeout: float
    routing_key: str | None
    rate: float | None
    json: bool


class Publishing:
    """Sends messages as they come in, and keeps count of what becomes of each."""

    def __init__(self, how: Sending, names: Names, url: str, chosen: Settings) -> None:
        self._how = how
        self._names = names
        self._groups = [group.name for group in chosen.group_specs()]
        self._answers = Answers(json=how.json)
        self._client = Client(
            url, names, heard=self._answers.heard, connect_timeout=chosen.connect_timeout
        )
        self._fates: Counter[Published] = Counter()
        self._key: dict[Published, str] = {}
        self._room = asyncio.Semaphore(UNCONFIRMED)
        self._sent = 0
        self._all_read = False
        self._elsewhere = 0

    async def all(self, found: AsyncIterator[bytes], *, times: int, total: int = 0) -> int:
        """Send each message `times` times and wait for what comes; returns the exit code.

        `total` is how many there are, where that is known before they are read.
        """
        answered = True
        async with self._client:
            try:
                await self._send_all(found, times)
                await self._confirmed()
            except TimeoutError:
                pass
            else:
                if not self._sent:
                    raise Failure(
                        "there is no message in that input; write a JSON document, or one a line",
                        code=NOTHING_FOUND,
                    )
                answered = not self._how.wait or await self._answered()
        # Only now: while the lines stood, what is told as never sent might still have left.
        code = self._told(total)
        return code if answered else FAILED

    async def _send_all(self, found: AsyncIterator[bytes], times: int) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async for body in found:
            message = outgoing(body, self._names, routing_key=self._how.routing_key)
            for _ in range(times):
                if self._how.rate:
                    due = began + self._sent / self._how.rate
                    await asyncio.sleep(due - loop.time())
                async with asyncio.timeout(self._how.timeout):
                    await self._room.acquire()
                self._send(message)
        self._all_read = True

    def _send(self, message: Outgoing) -> None:
        self._sent += 1
        ours = self._how.wait and message.answered and message.reply_to is None
        self._elsewhere += self._how.wait and message.reply_to is not None
        told = message.own_correlation if ours else None
        if told is not None:
            self._answers.await_one(told)
        publication = Publication(
            self._names.requests,
            message.routing_key,
            message.body,
            content_type=message.content_type,
            correlation_id=told if message.correlation_id is None else None,
            reply_to=self._client.reply_to if ours else None,
            type=message.message_type,
        )
        self._client.post(publication, partial(self._fate, message.routing_key, told))

    def _fate(self, key: str, told: str | None, fate: Published) -> None:
        self._fates[fate] += 1
        self._key.setdefault(fate, key)
        self._room.release()
        if told is not None and fate is not Published.CONFIRMED:
            self._answers.forget(told)

    async def _confirmed(self) -> None:
        """Return when the broker has answered for everything, or raise TimeoutError."""
        async with asyncio.timeout(self._how.timeout):
            for _ in range(UNCONFIRMED):
                await self._room.acquire()

    async def _answered(self) -> bool:
        """Wait for the answers; tell which are missing when the time is over."""
        if self._elsewhere:
            say(
                f"{plural(self._elsewhere, 'message')} named a reply_to of their own, "
                "so the answers go there"
            )
        try:
            async with asyncio.timeout(self._how.timeout):
                await self._all_here()
        except TimeoutError:
            missing = self._answers.missing
            say(
                f"no answer within {self._how.timeout:g} s to {len(missing)} of "
                f"{plural(self._sent, 'message')} ({some(missing)}): {await self._why()}. "
                "Wait longer with --timeout"
            )
            return False
        return True

    async def _all_here(self) -> None:
        """Return when every answer is here; tells whoever looks on that it still waits, and why."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SILENT):
                return await self._answers.all_here()
        missing = len(self._answers.missing)
        say(
            f"still waiting for {plural(missing, 'answer')}, {self._how.timeout:g} s at most: "
            f"{await self._why()}"
        )
        return await self._answers.all_here()

    async def _why(self) -> str:
        """Return why answers may be missing, by who takes messages out of the groups' queues."""
        queues = {self._names.work(group): group for group in self._groups}
        return unanswered(queues, await self._client.depths(queues))

    def _told(self, total: int) -> int:
        """Say what became of the messages; returns the exit code."""
        confirmed = self._fates[Published.CONFIRMED]
        open_ = self._sent - self._fates.total()
        for fate, text in _FATES.items():
            if number := self._fates[fate]:
                told = text.format(key=self._key[fate], exchange=self._names.requests)
                say(f"{plural(number, 'message')} {told}")
        waiting = self._client.unsent
        unsent = waiting + max(0, total - self._sent)
        if open_ or unsent or not self._all_read:
            self._left_open(open_ - waiting, unsent, unread=not (self._all_read or total))
        if not self._how.wait:
            self._count(self._sent - waiting, confirmed, open_ - waiting, unsent)
        done = self._all_read and confirmed == self._sent and not self._answers.errors
        return DONE if done else FAILED

    def _left_open(self, unconfirmed: int, unsent: int, *, unread: bool) -> None:
        told = []
        if unconfirmed:
            told.append(
                f"{plural(unconfirmed, 'message')} sent and not confirmed within "
                f"{self._how.timeout:g} s, so they may be there or not"
            )
        if unsent:
            told.append(f"{plural(unsent, 'message')} never sent")
        if unread:
            told.append("the rest of the input was not read")
        say(f"{'; '.join(told)}; is the broker in alarm or gone? `leveret doctor` says")

    def _count(self, sent: int, confirmed: int, unconfirmed: int, unsent: int) -> None:
        if not self._how.json:
            write(f"{plural(sent, 'message')} published, {confirmed} confirmed\n".encode())
            return
        counts = {
            "published": sent,
            "confirmed": confirmed,
            "unroutable": self._fates[Published.RETURNED],
            "refused": sum(self._fates[fate] for fate in _REFUSALS),
            "unknown": self._fates[Published.UNKNOWN] + unconfirmed,
            "unsent": unsent,
        }
        write(orjson.dumps(counts), b"\n")


def unanswered(queues: Mapping[str, str], seen: Mapping[str, Depth]) -> str:
    """Return why answers may be missing; `queues` maps those with work to their groups."""
    alone = [queue for queue in queues if queue in seen and not seen[queue].consumers]
    if not alone:
        return (
            "what failed at first waits for its retry, and what no worker takes waits for one; "
            "`leveret top` shows both"
        )
    waiting = sum(seen[queue].messages for queue in alone)
    start = " or ".join(f"`leveret run --group {queues[queue]}`" for queue in alone)
    wait = plural(waiting, "message waits", "messages wait")
    return f"no worker takes messages from {some(alone)}, where {wait}; start one with {start}"
