"""Takes deliveries from one consuming channel, and gives acks and nacks back in few frames.

A session is one life of that channel. A delivery of an earlier session cannot be settled any more:
the broker has it again and will bring it again, so settling it is silently nothing.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from workers.link.acks import AckWindow
from workers.link.properties import decode_properties
from workers.link.wire import nack
from workers.outcome import Delivery, made

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workers.link.connection import Wire

#: Exchange and routing key texts remembered; a sender may invent as many as it likes.
MOST_NAMES: Final = 1024


class Intake:
    """Turns frames into deliveries for `sink`, and settlements into frames."""

    def __init__(self, queues: Mapping[bytes, str], sink: Callable[[Delivery], None]) -> None:
        self._given = queues
        self._queues = dict(queues)
        self._wished = self._sink = sink
        self._wire: Wire | None = None
        self._channel = 0
        self._window = AckWindow()
        self._nacks: list[bytes] = []
        self._due = False
        self._names = _Names()
        #: Counts the lives of the channel; 0 before the first.
        self.session = 0
        #: Deliveries of each queue that came in this session, and that were settled.
        self.came = dict.fromkeys(queues.values(), 0)
        self.settled = dict.fromkeys(queues.values(), 0)
        #: The tag of the last one that was delivered to somebody before.
        self._redelivered = 0
        #: Tag and queue of what was let pass in this session, until it is given back.
        self._passed: list[tuple[int, str]] = []

    def attach(self, wire: Wire, channel: int) -> None:
        """Begin a session."""
        self.session += 1
        self._wire, self._channel = wire, channel
        self._window = AckWindow()
        self._nacks.clear()
        self._queues = dict(self._given)
        self.came = dict.fromkeys(self.came, 0)
        self.settled = dict.fromkeys(self.came, 0)
        self._redelivered = 0
        wire.frames.watch_deliveries(channel, self)

    def expect(self, consumer_tag: str, queue: str) -> None:
        """Take what comes for this consumer as coming from this queue."""
        self._queues[consumer_tag.encode()] = queue

    def detach(self) -> None:
        """End the session; what it delivered can no longer be settled."""
        if self._wire is None:
            return
        self._wire.frames.unwatch(self._channel)
        self._wire = None
        self._passed.clear()  # the broker has them again
        self.session += 1

    def closed(self) -> None:
        """End the session because the broker did."""
        self.detach()

    def shut(self) -> None:
        """Let what still comes pass by; it goes back with `give_back`, `open` or the session."""
        self._sink = self._let_pass

    def open(self) -> None:
        """Take what comes."""
        self._sink = self._wished
        self.give_back()

    def give_back(self) -> None:
        """Give back what was let pass; call it when the broker has no consumer here any more.

        Before that it would come straight back to us.
        """
        passed, self._passed = self._passed, []
        for tag, queue in passed:
            self._requeue(tag, queue)

    @property
    def in_hand(self) -> int:
        """How many deliveries of this session are not settled."""
        return sum(self.came.values()) - sum(self.settled.values())

    def in_hand_of(self, queue: str) -> int:
        """How many deliveries of this queue in this session are not settled."""
        return self.came[queue] - self.settled[queue]

    @property
    def came_in_all(self) -> int:
        """How many deliveries came in this session; the tag of the last one."""
        return sum(self.came.values())

    def is_settled_up_to(self, tag: int) -> bool:
        """Whether every delivery of this session up to this one is settled."""
        return self._window.is_settled_up_to(tag)

    @property
    def is_over_redelivered(self) -> bool:
        """Whether all that somebody before us may have failed on is settled."""
        return self._window.is_settled(self._redelivered)

    def is_current(self, delivery: Delivery) -> bool:
        """Whether this delivery can still be settled."""
        return delivery.session == self.session

    def ack(self, delivery: Delivery) -> None:
        """Tell the broker that the message has come to its end."""
        if delivery.session == self.session and self._window.done(delivery.tag):
            self.settled[delivery.queue] += 1
            if not self._due:
                self._flush_soon()

    def requeue(self, delivery: Delivery) -> None:
        """Give the message back to the broker, to be brought to somebody else."""
        if delivery.session == self.session:
            self._requeue(delivery.tag, delivery.queue)

    def delivered(
        self,
        consumer_tag: bytes,
        tag: int,
        redelivered: bool,  # noqa: FBT001 - AMQP's own field
        exchange: bytes,
        routing_key: bytes,
        header: bytes,
        body: bytes,
    ) -> None:
        """Take one whole message from the frame splitter."""
        queue = self._queues[consumer_tag]
        self.came[queue] += 1
        if redelivered:
            self._redelivered = tag
        self._sink(
            made(
                Delivery,
                (
                    body,
                    decode_properties(header),
                    self._names[exchange],
                    self._names[routing_key],
                    queue,
                    redelivered,
                    tag,
                    self.session,
                    time.monotonic(),
                ),
            )
        )

    def _let_pass(self, delivery: Delivery) -> None:
        """Remember only what a nack takes: a body may be large, and nobody reads it."""
        self._passed.append((delivery.tag, delivery.queue))

    def _requeue(self, tag: int, queue: str) -> None:
        # A second word about one tag would cost the channel, and with it everybody's session.
        if self._window.gone(tag):
            self._nacks.append(nack(self._channel, tag, multiple=False, requeue=True))
            self.settled[queue] += 1
            if not self._due:
                self._flush_soon()

    def _flush_soon(self) -> None:
        self._due = True
        asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Write what is settled now, in one go."""
        self._due = False
        if self._wire is not None:
            # Nacks first: an ack for a prefix must not cover a tag whose nack is still to come.
            frames = self._nacks + self._window.frames(self._channel)
            self._nacks = []
            if frames:
                self._wire.write(b"".join(frames))


class _Names(dict[bytes, str]):
    """Exchanges and routing keys as texts, each decoded once."""

    def __missing__(self, name: bytes) -> str:
        if len(self) >= MOST_NAMES:
            self.clear()
        text = self[name] = name.decode("utf-8", "replace")
        return text
