"""What is refused before a body is parsed: too large, encoded, lying properties. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from messages import ErrorCode, InvalidMessage

if TYPE_CHECKING:
    from workers.outcome import Delivery

#: Our own copies come back from a retry rung with an x-death the broker wrote; a stranger's message
#: can only have a forged one, and CC or BCC would have routed it past its exchange.
_FORGED: Final = ("x-death", "CC", "BCC")
#: Characters a correlation id may not hold: it travels on into logs and headers.
_CONTROL: Final = frozenset(map(chr, (*range(32), 127)))
_ENCODINGS: Final = frozenset({None, "", "utf-8", "UTF-8", "identity"})


def inspect(delivery: Delivery, *, max_body_bytes: int, ours: bool) -> None:
    """Raise InvalidMessage for a delivery that must not even be parsed.

    `ours` says that this is a copy of our own, which the broker may have stamped.
    """
    properties = delivery.properties
    if len(delivery.body) > max_body_bytes:
        raise InvalidMessage(
            ErrorCode.MESSAGE_TOO_LARGE,
            f"the body has {len(delivery.body)} bytes, {max_body_bytes} are allowed; send a "
            "reference to the content, or raise LEVERET_MAX_BODY_BYTES",
        )
    if properties.content_encoding not in _ENCODINGS:
        raise InvalidMessage(
            ErrorCode.UNSUPPORTED_ENCODING,
            "content_encoding is set, and no encoding is unpacked here; send plain UTF-8 JSON",
        )
    if properties.damaged:
        names = ", ".join(properties.damaged[:5])
        raise InvalidMessage(
            ErrorCode.INVALID_ENVELOPE,
            f"AMQP properties cannot be decoded: {names}",
        )
    correlation_id = properties.correlation_id
    if correlation_id is not None and (
        not correlation_id
        # What is printable holds none; looking for each of them costs three times as much.
        or not (correlation_id.isprintable() or _CONTROL.isdisjoint(correlation_id))
    ):
        raise InvalidMessage(
            ErrorCode.INVALID_ENVELOPE,
            "the AMQP property correlation_id is empty or holds control characters",
        )
    if properties.headers and not ours:
        for name in _FORGED:
            if name in properties.headers:
                raise InvalidMessage(
                    ErrorCode.INVALID_ENVELOPE,
                    f"the header {name} is the broker's to write, not a sender's; leave it out",
                )
