"""Takes the hot frames out of the byte stream of one connection as the bytes arrive.

Deliveries of a consuming channel, and confirms and returns of a publishing one, are told to a sink.
Every other frame is cold: passed on whole, untouched and in order, for aio-pika.

A body is collected straight from what the socket brought and joined once, so that a large one is
copied once. Any other unfinished frame waits until all of it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers.link.watched import END, FRAME, Malformed, Watched
from workers.link.wire import (
    BASIC_DELIVER,
    CHANNEL_CLOSE,
    CHANNEL_CLOSE_OK,
    CONNECTION_BLOCKED,
    CONNECTION_UNBLOCKED,
    FRAME_BODY,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
    FRAME_OVERHEAD,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.link.watched import ConfirmSink, DeliverySink

_KINDS: Final = frozenset((FRAME_METHOD, FRAME_HEADER, FRAME_BODY, FRAME_HEARTBEAT))
_CLOSES: Final = frozenset((CHANNEL_CLOSE, CHANNEL_CLOSE_OK))


class HotFrames:
    """Splits one connection's stream; `feed` it what arrives."""

    def __init__(self) -> None:
        self._hot: dict[int, Watched] = {}
        #: What arrived of a frame that is not whole yet, as it came; joined once when it is.
        self._rest: list[bytes] = []
        self._rest_size = 0
        #: Bytes the unfinished frame needs in all; at first just those that tell its size.
        self._needed = 0
        #: Whose body frame is arriving, its first bytes, and where in the parts it begins.
        self._body: tuple[Watched, bytes, int] | None = None
        #: How much of that frame's payload is still to come.
        self._body_left = 0
        self._broken = False
        self._blocked: Callable[[bool], None] = lambda _: None

    def watch_deliveries(self, channel: int, sink: DeliverySink) -> None:
        """Take this channel's deliveries out of the stream, until it closes."""
        self._hot.setdefault(channel, Watched(channel)).deliveries = sink

    def watch_confirms(self, channel: int, sink: ConfirmSink) -> None:
        """Take this channel's confirms and returns out of the stream, until it closes."""
        self._hot.setdefault(channel, Watched(channel)).confirms = sink

    def watch_blocked(self, told: Callable[[bool], None]) -> None:
        """Have `told` called when the broker blocks or unblocks this connection."""
        self._blocked = told

    def unwatch(self, channel: int) -> None:
        """Drop what still comes for this channel's sinks: its life is over, none can be settled.

        It is not passed on: aio-pika knows neither the deliveries' consumer nor the publications.
        """
        watched = self._hot.get(channel)
        if watched is not None:
            watched.leave()

    def feed(self, chunk: bytes) -> bytes:
        """Take what arrived, tell the sinks about what is whole, and return the cold frames.

        From a malformed frame on everything is cold, so that aio-pika fails the connection in its
        own way.
        """
        if self._broken:
            return chunk
        cold: list[bytes | memoryview] = []
        at = 0
        if self._body is not None:
            at = self._go_on(*self._body, chunk, cold)
        elif self._rest:
            chunk = self._complete(chunk)
        at = self._split(chunk, at, cold)
        if at < len(chunk):
            self._keep(chunk[at:])
        return b"".join(cold)

    def _split(self, data: bytes, at: int, cold: list[bytes | memoryview]) -> int:  # noqa: C901 - a call is what it saves
        """Walk over the frames from `at` on, and return where an unfinished one begins.

        All that is hot passes this loop; what is behind a call here costs every message.
        """
        hot, unpack, size = self._hot, FRAME.unpack_from, len(data)
        try:
            while size - at >= FRAME_OVERHEAD:
                kind, channel, length = unpack(data, at)
                start = at + 7
                end = start + length
                watched = hot.get(channel)
                if kind == FRAME_BODY and watched is not None and watched.remaining:
                    at = self._take_body(watched, data, at, end)
                    continue
                if end >= size and kind in _KINDS:
                    break
                if end >= size or data[end] != END:
                    return self._give_up(data, at, cold)
                method = data[start : start + 4] if kind == FRAME_METHOD else b""
                taken = False
                if watched is not None:
                    if method == BASIC_DELIVER and watched.deliveries is not None:
                        at = watched.take_deliver(watched.deliveries, data, start, end)
                        continue
                    if kind == FRAME_METHOD:
                        taken = watched.take_method(method, data, start, end)
                    elif kind == FRAME_HEADER:
                        taken = watched.take_header(data, start, end)
                if not taken:
                    self._notice(channel, method)
                    cold.append(data[at : end + 1])
                at = end + 1
        except Malformed:
            return self._give_up(data, at, cold)
        return at

    def _give_up(self, data: bytes, at: int, cold: list[bytes | memoryview]) -> int:
        """Leave everything from here on to aio-pika."""
        self._broken = True
        cold.append(data[at:])
        return len(data)

    def _notice(self, channel: int, method: bytes) -> None:
        """Act on what a cold frame says about the hot ones."""
        if method in _CLOSES:
            watched = self._hot.pop(channel, None)  # the number may be another channel's next
            if watched is not None and method == CHANNEL_CLOSE:
                watched.close()  # at once: another frame of ours would cost the whole connection
        elif method == CONNECTION_BLOCKED:
            self._blocked(True)
        elif method == CONNECTION_UNBLOCKED:
            self._blocked(False)

    # -- what is not whole yet --

    def _take_body(self, watched: Watched, data: bytes, at: int, end: int) -> int:
        """Take a body frame as far as it is there, and return where that ends."""
        start = at + FRAME.size
        if end - start > watched.remaining:
            raise Malformed
        if end < len(data) and data[end] != END:
            raise Malformed
        watched.remaining -= end - start
        there = memoryview(data)[start:end]
        if end >= len(data):
            self._body = watched, data[at:start], len(watched.parts)
            self._body_left = end - start - len(there)
        watched.parts.append(there)
        if end >= len(data):
            return len(data)
        if not watched.remaining:
            watched.finish()
        return end + 1

    def _go_on(
        self,
        watched: Watched,
        lead: bytes,
        first: int,
        chunk: bytes,
        cold: list[bytes | memoryview],
    ) -> int:
        """Take more of a body frame, and return where that ends."""
        left = self._body_left
        there = memoryview(chunk)[:left]
        watched.parts.append(there)
        self._body_left = left - len(there)
        if len(chunk) <= left:
            return len(chunk)  # at least the end mark is still to come
        self._body = None
        if chunk[left] != END:
            cold += (lead, *watched.parts[first:])
            return self._give_up(chunk, left, cold)
        if not watched.remaining:
            watched.finish()
        return left + 1

    def _keep(self, rest: bytes) -> None:
        self._rest = [rest]
        self._rest_size = size = len(rest)
        # The length of what is no frame means nothing: it is looked at with the next bytes.
        known = size >= FRAME.size and rest[0] in _KINDS
        self._needed = FRAME.unpack_from(rest)[2] + FRAME_OVERHEAD if known else FRAME_OVERHEAD

    def _complete(self, chunk: bytes) -> bytes:
        """Add to an unfinished frame, and return it when more of it is known; empty until then."""
        self._rest.append(chunk)
        self._rest_size += len(chunk)
        if self._rest_size < self._needed:
            return b""
        whole = b"".join(self._rest)
        self._rest = []
        return whole
