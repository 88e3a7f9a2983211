"""What a broker's byte stream is made of, written by pamqp, and sinks that keep what they hear."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from pamqp import body, commands, header, heartbeat
from pamqp.frame import marshal

from workers.link.frames import HotFrames


def method(frame: Any, channel: int = 1) -> bytes:
    """Return any frame of pamqp's as bytes."""
    return marshal(frame, channel)


def content(
    payload: bytes, properties: commands.Basic.Properties, channel: int, room: int
) -> bytes:
    """Return a content header and its body in frames of `room` bytes."""
    lead = marshal(header.ContentHeader(0, len(payload), properties), channel)
    parts = (payload[at : at + room] for at in range(0, len(payload), room))
    return lead + b"".join(marshal(body.ContentBody(part), channel) for part in parts)


def deliver(
    tag: int,
    payload: bytes = b"body",
    *,
    channel: int = 1,
    room: int = 1 << 17,
    consumer: str = "leveret-0",
    redelivered: bool = False,
    exchange: str = "requests",
    key: str = "task_request.echo",
    **properties: Any,
) -> bytes:
    """Return a whole delivery."""
    lead = commands.Basic.Deliver(consumer, tag, redelivered, exchange, key)
    told = commands.Basic.Properties(**properties)
    return marshal(lead, channel) + content(payload, told, channel, room)


def returned(message_id: str, payload: bytes = b"body", *, channel: int = 2) -> bytes:
    """Return a whole basic.return."""
    lead = commands.Basic.Return(312, "NO_ROUTE", "", "nowhere")
    told = commands.Basic.Properties(message_id=message_id)
    return marshal(lead, channel) + content(payload, told, channel, 1 << 17)


HEARTBEAT = marshal(heartbeat.Heartbeat(), 0)


@dataclass
class Deliveries:
    """Keeps each delivery as (tag, consumer, redelivered, exchange, key, header, body)."""

    heard: list[tuple[Any, ...]] = field(default_factory=list)
    over: bool = False

    def delivered(self, consumer: bytes, tag: int, redelivered: bool, *rest: bytes) -> None:  # noqa: FBT001 - as it is called
        """Keep it."""
        self.heard.append((tag, consumer, redelivered, *rest))

    def closed(self) -> None:
        """Keep that it is over."""
        self.over = True


@dataclass
class Confirms:
    """Keeps what the broker said, in order."""

    heard: list[tuple[Any, ...]] = field(default_factory=list)
    over: bool = False

    def confirmed(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - as it is called
        """Keep an ack."""
        self.heard.append(("ack", tag, multiple))

    def refused(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - as it is called
        """Keep a nack."""
        self.heard.append(("nack", tag, multiple))

    def returned(self, code: int, text: bytes, header: bytes) -> None:
        """Keep a return."""
        self.heard.append(("return", code, text, header))

    def closed(self) -> None:
        """Keep that it is over."""
        self.over = True


class Taps:
    """A splitter with deliveries hot on channel 1 and confirms on channel 2."""

    def __init__(self) -> None:
        self.frames = HotFrames()
        self.deliveries = Deliveries()
        self.confirms = Confirms()
        self.blocked: list[bool] = []
        self.frames.watch_deliveries(1, self.deliveries)
        self.frames.watch_confirms(2, self.confirms)
        self.frames.watch_blocked(self.blocked.append)
        self.cold = b""

    def feed(self, stream: bytes, *cuts: int) -> Taps:
        """Feed a stream, cut at these places."""
        edges = [0, *sorted(cut for cut in set(cuts) if 0 < cut < len(stream)), len(stream)]
        for start, end in pairwise(edges):
            self.cold += self.frames.feed(stream[start:end])
        return self

    @property
    def heard(self) -> tuple[Any, ...]:
        """Everything that came out."""
        return self.deliveries.heard, self.confirms.heard, self.cold, self.blocked
