"""AMQP 0-9-1 bytes going out: acks, nacks and publishes, prepared as far as they can be.

Only the frames that go by the thousand are written here; all others are aio-pika's.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from workers.link.tables import LONGEST_SHORT, pack_table, short_string
from workers.publication import Headers

if TYPE_CHECKING:
    from collections.abc import Mapping

FRAME_METHOD: Final = 1
FRAME_HEADER: Final = 2
FRAME_BODY: Final = 3
FRAME_HEARTBEAT: Final = 8
FRAME_END: Final = b"\xce"
#: Bytes around a frame's payload: type, channel, size and the end mark.
FRAME_OVERHEAD: Final = 8

#: The class of every method and content header here.
BASIC: Final = 60
BASIC_PUBLISH: Final = b"\x00\x3c\x00\x28"
BASIC_RETURN: Final = b"\x00\x3c\x00\x32"
BASIC_DELIVER: Final = b"\x00\x3c\x00\x3c"
BASIC_ACK: Final = b"\x00\x3c\x00\x50"
BASIC_NACK: Final = b"\x00\x3c\x00\x78"
CHANNEL_CLOSE: Final = b"\x00\x14\x00\x28"
CHANNEL_CLOSE_OK: Final = b"\x00\x14\x00\x29"
CONNECTION_BLOCKED: Final = b"\x00\x0a\x00\x3c"
CONNECTION_UNBLOCKED: Final = b"\x00\x0a\x00\x3d"

#: A whole frame: a sign of life on channel 0.
HEARTBEAT: Final = b"\x08\x00\x00\x00\x00\x00\x00\xce"

#: Property flags in the order of their values, from the highest bit.
CONTENT_TYPE: Final = 0x8000
CONTENT_ENCODING: Final = 0x4000
HEADERS: Final = 0x2000
DELIVERY_MODE: Final = 0x1000
PRIORITY: Final = 0x0800
CORRELATION_ID: Final = 0x0400
REPLY_TO: Final = 0x0200
EXPIRATION: Final = 0x0100
MESSAGE_ID: Final = 0x0080
TIMESTAMP: Final = 0x0040
TYPE: Final = 0x0020
USER_ID: Final = 0x0010
APP_ID: Final = 0x0008
#: Of AMQP 0-8; RabbitMQ still carries it.
CLUSTER_ID: Final = 0x0004
#: Another word of flags is said to follow.
CONTINUED: Final = 0x0001

#: The flags of every answer.
_ANSWER: Final = (
    CONTENT_TYPE | DELIVERY_MODE | CORRELATION_ID | MESSAGE_ID | TIMESTAMP | TYPE | USER_ID | APP_ID
)
#: Survives a restart of the broker.
_PERSISTENT: Final = b"\x02"
#: Class, weight and body size before the properties of a content header.
_HEADER_LEAD: Final = 12
#: Class, method, delivery tag and flags of an ack or nack.
_ACK_PAYLOAD: Final = 13

_ACK: Final = struct.Struct(">BHI4sQBc")
_FRAME: Final = struct.Struct(">BHI")
_NEXT: Final = struct.Struct(">cBHI")
_U16: Final = struct.Struct(">H")
_U64: Final = struct.Struct(">Q")
#: A length as the byte it is on the wire; looking it up is cheaper than making it.
_OCTETS: Final = tuple(bytes((n,)) for n in range(LONGEST_SHORT + 1))


def ack(channel: int, tag: int, *, multiple: bool) -> bytes:
    """Return the frame that acks a tag, or all outstanding up to it."""
    return _ACK.pack(FRAME_METHOD, channel, _ACK_PAYLOAD, BASIC_ACK, tag, multiple, FRAME_END)


def nack(channel: int, tag: int, *, multiple: bool, requeue: bool) -> bytes:
    """Return the frame that gives a tag back, or all outstanding up to it."""
    flags = multiple | requeue << 1
    return _ACK.pack(FRAME_METHOD, channel, _ACK_PAYLOAD, BASIC_NACK, tag, flags, FRAME_END)


class PublishRoute:
    """Everything about publishing to one place that is the same for every message."""

    __slots__ = ("_channel", "_lead", "_lead_form")

    def __init__(self, channel: int, exchange: str, routing_key: str, *, mandatory: bool) -> None:
        payload = (
            BASIC_PUBLISH
            + b"\x00\x00"
            + short_string("exchange", exchange)
            + short_string("routing_key", routing_key)
            + _OCTETS[mandatory]
        )
        self._channel = channel
        method = _FRAME.pack(FRAME_METHOD, channel, len(payload)) + payload + FRAME_END
        #: The method frame and the beginning of the header frame behind it.
        self._lead = method + struct.pack(">BH", FRAME_HEADER, channel)
        self._lead_form = struct.Struct(f">{len(self._lead)}sIHHQ")

    def append(
        self,
        out: list[bytes | memoryview],
        properties: bytes,
        body: bytes,
        frame_max: int,
    ) -> None:
        """Add the frames of one message to what is about to be written; copies no body.

        `frame_max` in bytes as negotiated, 0 for no limit. Raises ValueError for properties that
        do not fit one frame, before anything is added: the broker would close the connection.
        """
        size = len(body)
        header = _HEADER_LEAD + len(properties)
        room = frame_max - FRAME_OVERHEAD if frame_max else max(size, header)
        if header > room:
            raise ValueError(
                f"the properties take {header} bytes of a frame, and the broker allows {room}; "
                "send fewer or shorter headers, or raise the broker's frame_max",
            )
        lead = self._lead_form.pack(self._lead, header, BASIC, 0, size)
        if 0 < size <= room:
            next_frame = _NEXT.pack(FRAME_END, FRAME_BODY, self._channel, size)
            out += (lead, properties, next_frame, body, FRAME_END)
            return
        out += (lead, properties)
        rest = memoryview(body)
        while rest:
            part, rest = rest[:room], rest[room:]
            out += (_NEXT.pack(FRAME_END, FRAME_BODY, self._channel, len(part)), part)
        out.append(FRAME_END)


class AnswerProperties:
    """The properties of answers of one type, of which only ids and time change."""

    __slots__ = ("_after", "_before", "_last", "_second")

    def __init__(self, *, content_type: str, type_: str, app_id: str, user_id: str) -> None:
        self._before = _U16.pack(_ANSWER) + short_string("content_type", content_type) + _PERSISTENT
        self._after = (
            short_string("type", type_)
            + short_string("user_id", user_id)
            + short_string("app_id", app_id)
        )
        #: All that follows the ids, as it was in the second of the last answer.
        self._second = 0
        self._last = _U64.pack(0) + self._after

    def pack(self, correlation_id: bytes, message_id: bytes, timestamp: int) -> bytes:
        """Return flags and values; `timestamp` in seconds since 1970.

        Raises ValueError for an id of more than 255 bytes.
        """
        if timestamp != self._second:
            self._last = _U64.pack(timestamp) + self._after
            self._second = timestamp
        try:
            return b"".join(
                (
                    self._before,
                    _OCTETS[len(correlation_id)],
                    correlation_id,
                    _OCTETS[len(message_id)],
                    message_id,
                    self._last,
                )
            )
        except IndexError:
            name = "correlation_id" if len(correlation_id) > LONGEST_SHORT else "message_id"
            raise ValueError(f"{name} has more than the {LONGEST_SHORT} bytes of AMQP") from None


def pack_properties(
    *,
    content_type: str | None = None,
    content_encoding: str | None = None,
    headers: Mapping[str, object] | None = None,
    delivery_mode: int | None = None,
    priority: int | None = None,
    correlation_id: str | None = None,
    reply_to: str | None = None,
    expiration: str | None = None,
    message_id: str | None = None,
    timestamp: int | None = None,
    type: str | None = None,  # noqa: A002 - AMQP's own name
    user_id: str | None = None,
    app_id: str | None = None,
) -> bytes:
    """Return flags and values; raises ValueError, naming the property, for one AMQP cannot carry.

    None is left out, and so are empty headers; `timestamp` in seconds since 1970.
    """
    flags = 0
    parts = []

    def put(flag: int, packed: bytes) -> None:
        nonlocal flags
        flags |= flag
        parts.append(packed)

    def text(flag: int, name: str, value: str | None) -> None:
        if value is not None:
            put(flag, short_string(name, value))

    # In the order of the flags: nothing else tells the values apart.
    text(CONTENT_TYPE, "content_type", content_type)
    text(CONTENT_ENCODING, "content_encoding", content_encoding)
    if headers:
        put(HEADERS, _packed(headers))
    if delivery_mode is not None:
        put(DELIVERY_MODE, _whole("delivery_mode", delivery_mode, 1))
    if priority is not None:
        put(PRIORITY, _whole("priority", priority, 1))
    text(CORRELATION_ID, "correlation_id", correlation_id)
    text(REPLY_TO, "reply_to", reply_to)
    text(EXPIRATION, "expiration", expiration)
    text(MESSAGE_ID, "message_id", message_id)
    if timestamp is not None:
        put(TIMESTAMP, _whole("timestamp", timestamp, 8))
    text(TYPE, "type", type)
    text(USER_ID, "user_id", user_id)
    text(APP_ID, "app_id", app_id)
    return _U16.pack(flags) + b"".join(parts)


def _packed(headers: Mapping[str, object]) -> bytes:
    if type(headers) is not Headers:
        return pack_table(headers)
    if not headers.packed:
        headers.packed = pack_table(headers)
    return headers.packed


def _whole(name: str, value: int, size: int) -> bytes:
    try:
        return value.to_bytes(size)
    except OverflowError:
        raise ValueError(f"{name} is {value}; AMQP carries 0 to {256**size - 1} there") from None
