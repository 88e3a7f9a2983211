"""Publishes with confirms: everything handed in is confirmed, returned or refused - or sent again.

What was not confirmed when a channel ended goes out once more on the next one, as long as somebody
still waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from workers.link.renewal import Renewal
from workers.link.writer import Writer
from workers.outcome import made
from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.link.connection import Wire
    from workers.outcome import Answer
    from workers.publication import Publication

log = logging.getLogger("leveret.link")


class Done(Protocol):
    """Called once with what became of a publication; must not raise."""

    def __call__(self, published: Published, /) -> None:
        """Act on it."""


class Waiting(NamedTuple):
    """A message whose fate is not told yet."""

    message: Publication | Answer
    done: Done
    #: Whether it is still worth sending after a lost channel.
    wanted: Callable[[], bool]
    since: float


class Outbox:
    """One publishing channel's worth of messages on their way out, over as many lives as it takes.

    With `mandatory` the broker gives back what no queue takes. Without `resend` nothing is sent
    twice: what is unconfirmed when the line is lost is reported as `lost`.
    """

    def __init__(
        self,
        *,
        user: str,
        mandatory: bool = True,
        resend: bool = True,
        lost: Published = Published.UNKNOWN,
    ) -> None:
        self._writer = Writer(user=user, mandatory=mandatory, left=self._note_left)
        self._resend = resend
        self._lost = lost
        #: Where the broker is heard; still so when nothing more is to be sent there.
        self._heard: Wire | None = None
        self._channel = 0
        #: Confirms count from 1 in each life of the channel.
        self._sent = 0
        self._confirmed_below = 0
        #: Up to this count they have left us, in this life or in one before.
        self._left = 0
        self._unconfirmed: dict[int, Waiting] = {}
        self._returned: set[int] = set()
        self._ashore: list[Waiting] = []
        #: How many of those, the first ones, had left us when the last life ended.
        self._aground = 0
        self._clock = time.monotonic
        #: Since when the broker takes what we write, in this life.
        self._flowing_since = 0.0
        #: Since when it does not, while it holds us back.
        self._held_since = 0.0
        self._empty = asyncio.Event()
        self._empty.set()
        #: Which queues go on refusing what this channel sends.
        self.renewal = Renewal()
        #: Told the seconds each publication took to be confirmed.
        self.observe: Callable[[float], None] = lambda _: None

    def __len__(self) -> int:
        """Count what is not settled with the broker yet."""
        return len(self._unconfirmed) + len(self._ashore)

    @property
    def blocked(self) -> bool:
        """Whether the broker asked us to hold back (a memory or disk alarm)."""
        return self._writer.blocked

    def oldest(self) -> float:
        """Return for how many seconds the broker could have confirmed the oldest publication.

        The time it held us back does not count: nobody is late who was told to wait.
        """
        first = next(iter(self._unconfirmed.values()), None)
        if first is None or self._writer.blocked:
            return 0.0
        return self._clock() - max(first.since, self._flowing_since)

    def held(self) -> float:
        """Return for how many seconds the broker has held back the oldest publication by now."""
        first = next(iter(self._unconfirmed.values()), None)
        if first is None or not self._writer.blocked:
            return 0.0
        return self._clock() - max(first.since, self._held_since)

    def publish(
        self,
        message: Publication | Answer,
        done: Done,
        *,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Send a message and have `done` called with its fate; never waits, never raises."""
        self._empty.clear()
        waiting = made(Waiting, (message, done, wanted, self._clock()))
        if self._writer.is_open:
            self._send(waiting)
        else:
            self._ashore.append(waiting)

    @property
    def attached(self) -> bool:
        """Whether there is a line to send on."""
        return self._writer.is_open

    def give_up(self, after: float) -> bool:
        """Report as lost what found no line for `after` seconds; return whether more waits."""
        late = self._clock() - after
        ashore, self._ashore = self._ashore, []
        for waiting in ashore:
            if waiting.since <= late:
                waiting.done(self._lost)
            else:
                self._ashore.append(waiting)
        self._note_empty()
        return bool(self._ashore)

    async def empty(self) -> None:
        """Wait until the broker has answered for everything."""
        await self._empty.wait()

    def attach(self, wire: Wire, channel: int) -> None:
        """Begin a life on a fresh confirming channel, with what is left of the last one."""
        self._heard = wire
        self._channel = channel
        self._writer.begin(wire, channel)
        self.renewal.renewed()
        self._sent = self._confirmed_below = self._left = 0
        self._flowing_since = self._clock()
        wire.frames.watch_confirms(channel, self)
        ashore, self._ashore = self._ashore, []
        aground, self._aground = self._aground, 0
        for number, waiting in enumerate(ashore, 1):
            if waiting.wanted():
                self._send(waiting._replace(since=self._clock()))
            else:
                waiting.done(Published.UNKNOWN)
            if number == aground:
                self._left = self._sent
        self._note_empty()

    def detach(self) -> None:
        """End a life: keep what is unconfirmed for the next, or report it as unknown."""
        if self._heard is None:
            return
        self._heard.frames.unwatch(self._channel)
        self._heard = None
        self._writer.end()
        self._returned.clear()
        lost, left = list(self._unconfirmed.values()), self._count_left()
        self._unconfirmed.clear()
        if self._resend:
            self._ashore = lost + self._ashore
            self._aground = left
        else:
            for waiting in lost:
                waiting.done(self._lost)
        self._note_empty()

    def flush(self) -> None:
        """Write what is to be sent now, not at the end of the loop's turn."""
        self._writer.flush()

    def retire(self) -> None:
        """Send nothing more in this life; what is on the way is still heard of."""
        self._writer.flush()
        self._writer.end()

    @property
    def unsent(self) -> int:
        """How many have never left us: they surely are nowhere."""
        return len(self) - self._aground - self._count_left()

    @property
    def under_way(self) -> int:
        """How many are sent and not confirmed yet."""
        return len(self._unconfirmed)

    def refuse(self, exchange: str) -> None:
        """Report as closed what is for an exchange that cost us the channel; the rest goes on."""
        self.detach()
        ashore, self._ashore = self._ashore, []
        refused: list[Waiting] = []
        aground, self._aground = self._aground, 0
        for number, waiting in enumerate(ashore, 1):
            mine = waiting.message.exchange == exchange
            (refused if mine else self._ashore).append(waiting)
            self._aground += not mine and number <= aground
        for waiting in refused:
            waiting.done(Published.CLOSED)
        self._note_empty()

    def suspects(self) -> list[Waiting]:
        """Take out what was under way when the life ended: one of it was the reason."""
        self.detach()
        found, self._ashore = self._ashore[: self._aground], self._ashore[self._aground :]
        self._aground = 0
        self._note_empty()
        return found

    def closed(self) -> None:
        """End the life because the broker did."""
        self.detach()

    def block(self, blocked: bool) -> None:  # noqa: FBT001 - the broker's own yes or no
        """Hold everything back while the broker asks for it, and send it on afterwards."""
        if not blocked:
            self._flowing_since = self._clock()
        elif not self._writer.blocked:  # of one that is told again the first word counts
            self._held_since = self._clock()
        self._writer.block(blocked)

    # -- what the broker says, called by the frame splitter --

    def confirmed(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - AMQP's own field
        """Take a basic.ack."""
        self._answered(tag, multiple=multiple, fate=Published.CONFIRMED)

    def refused(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - AMQP's own field
        """Take a basic.nack."""
        if (waiting := self._unconfirmed.get(tag)) is not None:
            self.renewal.refused(waiting.message.exchange, waiting.message.routing_key)
        self._answered(tag, multiple=multiple, fate=Published.REFUSED)

    def returned(self, _code: int, _text: bytes, header: bytes) -> None:
        """Take a basic.return; the confirm of the same message follows it."""
        since = self._writer.since(header)
        if since is not None:
            self._returned.add(self._sent - since)

    def _answered(self, tag: int, *, multiple: bool, fate: Published) -> None:
        unconfirmed = self._unconfirmed
        if not multiple:
            waiting = unconfirmed.pop(tag, None)
            if waiting is not None:
                self._tell(tag, waiting, fate)
        else:
            top = min(tag or self._sent, self._sent)  # 0 is AMQP's word for all there are
            for one in range(self._confirmed_below + 1, top + 1):
                waiting = unconfirmed.pop(one, None)
                if waiting is not None:
                    self._tell(one, waiting, fate)
            self._confirmed_below = max(self._confirmed_below, top)
        self._note_empty()

    def _tell(self, tag: int, waiting: Waiting, fate: Published) -> None:
        self.observe(self._clock() - waiting.since)
        if self._returned and tag in self._returned:
            self._returned.discard(tag)
            fate = Published.RETURNED
        waiting.done(fate)

    def _count_left(self) -> int:
        return sum(tag <= self._left for tag in self._unconfirmed)

    def _note_empty(self) -> None:
        if not self._unconfirmed and not self._ashore:
            self._empty.set()

    def _send(self, waiting: Waiting) -> None:
        try:
            self._writer.add(waiting.message)
        except ValueError as error:
            # Nothing of it is on the way, and it has no number: the ones after it keep theirs.
            log.error("a message to %r cannot be sent: %s", waiting.message.exchange, error)  # noqa: TRY400 - the text says it all
            waiting.done(Published.UNSENDABLE)
            self._note_empty()
            return
        self._sent += 1
        self._unconfirmed[self._sent] = waiting

    def _note_left(self) -> None:
        self._left = self._sent
