"""A small AMQP 0-9-1 client of the tests' own, in plain blocking sockets.

It shares no code with the link under test but the packing of properties, says exactly the bytes it
is told to, poison included, and costs a few microseconds a message.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from typing import TYPE_CHECKING, Final, NamedTuple, Self
from urllib.parse import unquote, urlsplit

from workers.link.properties import decode_properties
from workers.link.tables import pack_table, short_string

if TYPE_CHECKING:
    from workers.outcome import Properties

METHOD: Final = 1
HEADER: Final = 2
BODY: Final = 3
HEARTBEAT: Final = 8
END: Final = b"\xce"
FRAME: Final = struct.Struct(">BHI")
#: Bytes of a message's body in one frame; the broker allows 128 KiB.
ROOM: Final = 100_000
#: Seconds for one answer of the broker's.
ANSWER_WITHIN: Final = 10.0
#: Seconds without a message after which a queue is taken to be empty.
SILENCE: Final = 2.0
_DELIVER: Final = b"\0\x3c\0\x3c"
#: The reserved field before every name.
_NAMELESS: Final = b"\0\0"
_TRUE: Final = {"publisher_confirms": True, "basic.nack": True, "connection.blocked": True}


class Gone(Exception):
    """The connection ended, or the broker closed the channel; the message says how."""


class Told(NamedTuple):
    """The broker's word about a publication: `ack`, `nack`, or `return` of a correlation id."""

    kind: str
    tag: int = 0
    multiple: bool = False
    returned: str = ""


class Found(NamedTuple):
    """A message read from a queue."""

    properties: Properties
    body: bytes


class Raw:
    """One connection with one channel; use it as a context manager."""

    def __init__(self, url: str, *, confirms: bool = True) -> None:
        parts = urlsplit(url)
        self._rest = b""
        self._out = bytearray()
        #: Frames that came behind an answer.
        self._early: list[tuple[int, int, bytes]] = []
        self.blocked = False
        address = (parts.hostname or "", parts.port or 5672)
        try:
            self._socket = socket.create_connection(address, ANSWER_WITHIN)
            self._socket.settimeout(ANSWER_WITHIN)
            self._shake_hands(
                unquote(parts.username or "guest"),
                unquote(parts.password or "guest"),
                unquote(parts.path[1:]) or "/",
            )
            if confirms:
                self._ask(85, 10, b"\0")
        except OSError as error:
            raise Gone(str(error)) from error

    def __enter__(self) -> Self:
        """Lend itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Cut the line; throw-away connections need no farewell."""
        self._socket.close()

    # -- publishing --

    def post(self, exchange: str, key: str, properties: bytes, body: bytes) -> None:
        """Queue a message to be sent by `turn`; `mandatory`, so that a loss is told."""
        to = short_string("exchange", exchange) + short_string("key", key)
        header = struct.pack(">HHQ", 60, 0, len(body)) + properties
        parts = [body[at : at + ROOM] for at in range(0, len(body), ROOM)]
        self._out += b"".join(
            (
                _frame(METHOD, 1, struct.pack(">HHH", 60, 40, 0) + to + b"\x01"),
                _frame(HEADER, 1, header),
                *(_frame(BODY, 1, part) for part in parts),
            )
        )

    @property
    def unsent(self) -> int:
        """Bytes that wait for the socket to take them."""
        return len(self._out)

    def turn(self, seconds: float) -> list[Told]:
        """Send what the socket takes, and return what came within `seconds`; raises Gone."""
        return [told for frame in self._exchange(seconds) if (told := _told(*frame))]

    # -- reading a queue --

    def look(self, queue: str) -> tuple[int, int]:
        """Return how many messages are ready in a queue and how many consume it; Gone for none."""
        payload = _NAMELESS + short_string("queue", queue) + b"\x01" + pack_table({})
        answer = self.call(50, 10, payload)
        ready, consumers = struct.unpack_from(">II", answer, 5 + answer[4])
        return ready, consumers

    def declare(self, queue: str, arguments: dict[str, object]) -> None:
        """Declare a durable queue."""
        self.call(
            50, 10, _NAMELESS + short_string("queue", queue) + b"\x02" + pack_table(arguments)
        )

    def bind(self, queue: str, exchange: str, key: str) -> None:
        """Bind a queue."""
        self.call(50, 20, _places(queue, exchange, key) + b"\0" + pack_table({}))

    def unbind(self, queue: str, exchange: str, key: str) -> None:
        """Take a binding away."""
        self.call(50, 50, _places(queue, exchange, key) + pack_table({}))

    def delete_queue(self, queue: str) -> None:
        """Delete a queue with all that is in it."""
        self.call(50, 40, _NAMELESS + short_string("queue", queue) + b"\0")

    def delete_exchange(self, exchange: str) -> None:
        """Delete an exchange."""
        self.call(40, 20, _NAMELESS + short_string("exchange", exchange) + b"\0")

    def call(self, klass: int, method: int, payload: bytes) -> bytes:
        """Say a method that has an answer, and return the answer's payload."""
        return self._ask(klass, method, payload)

    def take(self, queue: str, count: int) -> list[Found]:
        """Return the first messages of a queue, which are gone from it then; all others stay.

        Fewer when no more come for `SILENCE` seconds.
        """
        lead = _NAMELESS + short_string("queue", queue) + short_string("tag", "take")
        self._ask(60, 20, lead + b"\0" + pack_table({}))
        found: list[Found] = []
        header, body, size, tag = b"", b"", 0, 0
        until = time.monotonic() + SILENCE
        while len(found) < count and time.monotonic() < until:
            for kind, _, payload in self._exchange(SILENCE):
                if kind == METHOD and payload[:4] == _DELIVER:
                    tag = struct.unpack_from(">Q", payload, 5 + payload[4])[0]
                elif kind == HEADER:
                    size = struct.unpack_from(">Q", payload, 4)[0]
                    header, body = payload[12:], b""
                elif kind == BODY:
                    body += payload
                if kind in {HEADER, BODY} and len(body) == size and len(found) < count:
                    until = time.monotonic() + SILENCE
                    found.append(Found(decode_properties(header), body))
                    # A quorum queue stalls when 2,000 are unsettled.
                    if len(found) % 500 == 0 or len(found) == count:
                        self._say(1, 60, 80, struct.pack(">QB", tag, 1))
        if found and len(found) < count:
            self._say(1, 60, 80, struct.pack(">QB", tag, 1))
        # Its answer comes when the acks before it have been read.
        self._ask(60, 30, short_string("tag", "take") + b"\0")
        return found

    # -- frames --

    def _shake_hands(self, user: str, password: str, vhost: str) -> None:
        self._socket.sendall(b"AMQP\x00\x00\x09\x01")
        self._next(10, 10)
        login = f"\0{user}\0{password}".encode()
        self._say(
            0,
            10,
            11,
            pack_table({"product": "faults", "capabilities": _TRUE})
            + short_string("mechanism", "PLAIN")
            + struct.pack(">I", len(login))
            + login
            + short_string("locale", "en_US"),
        )
        tune = self._next(10, 30)
        self._say(0, 10, 31, tune[4:10] + b"\0\0")
        self._say(0, 10, 40, short_string("vhost", vhost) + b"\0\0")
        self._next(10, 41)
        self._ask(20, 10, b"\0")

    def _say(self, channel: int, klass: int, method: int, payload: bytes) -> None:
        self._socket.sendall(_frame(METHOD, channel, struct.pack(">HH", klass, method) + payload))

    def _ask(self, klass: int, method: int, payload: bytes) -> bytes:
        try:
            self._say(1, klass, method, payload)
            return self._next(klass, method + 1)
        except OSError as error:
            raise Gone(str(error)) from error

    def _next(self, klass: int, method: int) -> bytes:
        """Wait for one method; what comes before it is not for us."""
        wanted = struct.pack(">HH", klass, method)
        until = time.monotonic() + ANSWER_WITHIN
        while time.monotonic() < until:
            frames = self._exchange(ANSWER_WITHIN)
            for place, (kind, _, payload) in enumerate(frames):
                if kind == METHOD and payload[:4] == wanted:
                    self._early = frames[place + 1 :]
                    return payload
        raise Gone(f"the broker did not answer with method {klass}.{method}")

    def _exchange(self, seconds: float) -> list[tuple[int, int, bytes]]:
        """Send what the socket takes; return the whole frames that came within `seconds`."""
        if self._early:
            frames, self._early = self._early, []
            return frames
        writing = [self._socket] if self._out else []
        try:
            readable, writable, _ = select.select([self._socket], writing, [], seconds)
            if writable:
                self._socket.settimeout(0)
                del self._out[: self._socket.send(self._out[:1_000_000])]
                self._socket.settimeout(ANSWER_WITHIN)
            if not readable:
                return []
            chunk = self._socket.recv(1_000_000)
        except OSError as error:
            raise Gone(str(error)) from error
        if not chunk:
            raise Gone("the broker closed the connection")
        self._rest += chunk
        return self._whole()

    def _whole(self) -> list[tuple[int, int, bytes]]:
        frames, at, data = [], 0, self._rest
        while len(data) - at >= FRAME.size + 1:
            kind, channel, size = FRAME.unpack_from(data, at)
            end = at + FRAME.size + size
            if len(data) <= end:
                break
            payload = data[at + FRAME.size : end]
            at = end + 1
            if kind == METHOD and payload[:4] in {b"\0\x0a\0\x32", b"\0\x14\0\x28"}:
                code, length = struct.unpack_from(">HB", payload, 4)
                raise Gone(f"closed by the broker: {code} {payload[7 : 7 + length].decode()}")
            if kind == METHOD and payload[:4] == b"\0\x0a\0\x3c":
                self.blocked = True
            elif kind == METHOD and payload[:4] == b"\0\x0a\0\x3d":
                self.blocked = False
            elif kind != HEARTBEAT:
                frames.append((kind, channel, payload))
        self._rest = data[at:]
        return frames


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return FRAME.pack(kind, channel, len(payload)) + payload + END


def _told(kind: int, _channel: int, payload: bytes) -> Told | None:
    if kind == HEADER:  # on a publishing channel only a return has one
        return Told("return", returned=decode_properties(payload[12:]).correlation_id or "")
    if kind != METHOD:
        return None
    match payload[:4]:
        case b"\0\x3c\0\x50":
            return Told("ack", *struct.unpack_from(">Q?", payload, 4))
        case b"\0\x3c\0\x78":
            tag, flags = struct.unpack_from(">QB", payload, 4)
            return Told("nack", tag, bool(flags & 1))
    return None


def _places(queue: str, exchange: str, key: str) -> bytes:
    """Return what a binding is between."""
    places = (("queue", queue), ("exchange", exchange), ("key", key))
    return _NAMELESS + b"".join(short_string(*place) for place in places)
