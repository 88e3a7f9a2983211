"""A watched channel: the message that is arriving on it, and whom it is told to."""

from __future__ import annotations

import struct
from typing import Final, Protocol, TypeAlias

from workers.link.wire import (
    BASIC_ACK,
    BASIC_NACK,
    BASIC_RETURN,
    FRAME_BODY,
    FRAME_END,
    FRAME_HEADER,
)

#: Type, channel and size, before every payload.
FRAME: Final = struct.Struct(">BHI")
END: Final = FRAME_END[0]
#: A content header's frame: the same, class and weight, and the size of the body.
_HEADER: Final = struct.Struct(">BHIIQ")
#: The end of one frame and the beginning of the next.
_BODY: Final = struct.Struct(">BBHI")
#: Where in its payload the body size stands, and where the property flags begin.
_SIZE_AT: Final = 4
_FLAGS_AT: Final = 12
#: Bytes of a content header that has no properties.
_SHORTEST: Final = 14
#: Delivery tag, the redelivered bit, and the length of the exchange's name.
_DELIVERY: Final = struct.Struct(">QBB")
#: Delivery tag and flags of an ack or nack, behind its class and method.
_CONFIRM: Final = struct.Struct(">4xQB")
_U64: Final = struct.Struct(">Q")


class DeliverySink(Protocol):
    """Is told each whole delivery; must not raise."""

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
        """Take it; `header` is the content header from its property flags onwards."""

    def closed(self) -> None:
        """Write nothing more to this channel: the broker has closed it."""


class ConfirmSink(Protocol):
    """Is told what the broker says about publications; must not raise."""

    def confirmed(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - AMQP's own field
        """Take a basic.ack."""

    def refused(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - AMQP's own field
        """Take a basic.nack."""

    def returned(self, code: int, text: bytes, header: bytes) -> None:
        """Take a basic.return; its body is not kept."""

    def closed(self) -> None:
        """Write nothing more to this channel: the broker has closed it."""


class _Nobody:
    """Takes what still comes for a sink that has left."""

    def delivered(self, *_delivery: object) -> None:
        """Drop it."""

    def confirmed(self, *_confirm: object) -> None:
        """Drop it."""

    def closed(self) -> None:
        """Know it already."""

    refused = returned = confirmed


class Malformed(Exception):
    """A frame that cannot be what the broker meant."""


#: Tag, consumer tag, redelivered, exchange and routing key.
_Deliver: TypeAlias = tuple[int, bytes, bool, bytes, bytes]
#: Code and text.
_Return: TypeAlias = tuple[int, bytes]


class Watched:
    """One channel's sinks, and the message that is arriving for them."""

    __slots__ = (
        "confirms",
        "deliver",
        "deliveries",
        "given_back",
        "header",
        "number",
        "parts",
        "remaining",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.deliveries: DeliverySink | None = None
        self.confirms: ConfirmSink | None = None
        #: The method whose content is arriving: one of these or, between messages, none.
        self.deliver: _Deliver | None = None
        self.given_back: _Return | None = None
        #: Its content header, from the property flags onwards.
        self.header = b""
        #: Its body so far: pieces of what the socket brought.
        self.parts: list[bytes | memoryview] = []
        #: Bytes of its body whose frames have not begun yet.
        self.remaining = 0

    def take_deliver(self, sink: DeliverySink, data: bytes, start: int, end: int) -> int:
        """Take the deliver with its payload from `start` to `end`; return where the next frame is.

        Most often the whole message is there, in three frames side by side, and is told at once.
        Else only the deliver is taken, and `take_header` and `finish` do the rest.
        """
        try:
            at = start + 5 + data[start + 4]
            tag, flags, length = _DELIVERY.unpack_from(data, at)
            key = at + 11 + length
            if key + data[key - 1] != end:
                raise Malformed
        except (IndexError, struct.error):
            raise Malformed from None
        consumer, exchange, routing_key = (
            data[start + 5 : at],
            data[at + 10 : key - 1],
            data[key:end],
        )
        if self.deliver is not None:
            self._drop()  # a message that was never finished
        if len(data) - end > _HEADER.size:
            kind, channel, length, _, size = _HEADER.unpack_from(data, end + 1)
            header_end = end + 8 + length
            body_end = header_end + 8 + size
            if (
                kind == FRAME_HEADER
                and channel == self.number
                and length >= _SHORTEST
                and body_end < len(data)
                and data[body_end] == END
                and _BODY.unpack_from(data, header_end) == (END, FRAME_BODY, channel, size)
            ):
                sink.delivered(
                    consumer,
                    tag,
                    flags & 1 != 0,
                    exchange,
                    routing_key,
                    data[end + 8 + _FLAGS_AT : header_end],
                    data[header_end + 8 : body_end],
                )
                return int(body_end) + 1
        self.deliver = tag, consumer, flags & 1 != 0, exchange, routing_key
        return end + 1

    def take_header(self, data: bytes, start: int, end: int) -> bool:
        """Take a content header, or return False: it belongs to a cold method."""
        if self.deliver is None and self.given_back is None:
            return False
        if self.remaining or end - start < _SHORTEST:
            raise Malformed
        self.header = data[start + _FLAGS_AT : end]
        (self.remaining,) = _U64.unpack_from(data, start + _SIZE_AT)
        if not self.remaining:
            self.finish()
        return True

    def take_method(self, method: bytes, data: bytes, start: int, end: int) -> bool:
        """Take a confirm or a return, or give False: the frame is cold."""
        confirms = self.confirms
        if confirms is not None:
            if method == BASIC_ACK and end - start == _CONFIRM.size:
                tag, flags = _CONFIRM.unpack_from(data, start)
                confirms.confirmed(tag, flags & 1 != 0)
                return True
            if method == BASIC_NACK and end - start == _CONFIRM.size:
                tag, flags = _CONFIRM.unpack_from(data, start)
                confirms.refused(tag, flags & 1 != 0)
                return True
        # Any other method ends a message that was arriving: a close, above all.
        self._drop()
        if confirms is not None and method == BASIC_RETURN:
            payload = data[start + 4 : end]
            self.given_back = int.from_bytes(payload[:2]), payload[3 : 3 + sum(payload[2:3])]
            return True
        return False

    def finish(self) -> None:
        """Tell the sink about the message that is now whole."""
        deliver, given_back, header, parts = self.deliver, self.given_back, self.header, self.parts
        self._drop()
        if deliver is not None and self.deliveries is not None:
            tag, consumer, redelivered, exchange, key = deliver
            body = b"".join(parts)
            self.deliveries.delivered(consumer, tag, redelivered, exchange, key, header, body)
        elif given_back is not None and self.confirms is not None:
            self.confirms.returned(*given_back, header)

    def close(self) -> None:
        """Tell the sinks that the broker has closed the channel."""
        for sink in (self.deliveries, self.confirms):
            if sink is not None:
                sink.closed()

    def leave(self) -> None:
        """Have what still comes for the sinks dropped."""
        self.deliveries = None if self.deliveries is None else _Nobody()
        self.confirms = None if self.confirms is None else _Nobody()

    def _drop(self) -> None:
        self.deliver = self.given_back = None
        self.parts = []
        self.remaining = 0
