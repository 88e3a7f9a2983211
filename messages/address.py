"""Where an answer goes: an agent's mailbox, a queue, or RabbitMQ's direct reply-to."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Self

#: Bytes: AMQP carries addresses as short strings.
LONGEST: Final = 255
_AGENT: Final = re.compile(r"agent://([A-Za-z0-9_.-]{1,128})/([A-Za-z0-9_-]{1,100})", re.ASCII)
_DIRECT: Final = "amq.rabbitmq.reply-to"
#: What the broker makes of a direct reply-to: an encoded process and a key. Anything else behind
#: the prefix is forged, and makes the broker close the connection that publishes to it.
_DIRECT_FORM: Final = re.compile(
    r"amq\.rabbitmq\.reply-to\.[A-Za-z0-9+/=_-]{8,200}\.[A-Za-z0-9+/=_-]{4,60}", re.ASCII
)


class InvalidAddress(ValueError):
    """The text is no address; the message says what an address looks like."""


class Address(NamedTuple):
    """An address whose form is right; whether it may be answered is the worker's to say."""

    text: str
    routing_key: str
    #: An agent's mailbox, to be reached through the replies exchange.
    agent: bool = False
    #: Direct reply-to, to be answered at most once.
    direct: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address; raises InvalidAddress."""
        if not text or len(text.encode("utf-8", "replace")) > LONGEST:
            raise InvalidAddress(f"an address has 1 to {LONGEST} bytes")
        if any(ord(character) < 32 or ord(character) == 127 for character in text):  # noqa: PLR2004 - control characters
            raise InvalidAddress("an address holds no control characters")
        if text.startswith("agent:"):
            match = _AGENT.fullmatch(text)
            if match is None:
                raise InvalidAddress("an agent is addressed as agent://<agent-id>/<mailbox>")
            return cls(text, f"agent.{match[1]}.{match[2]}", agent=True)
        if text.startswith(_DIRECT):
            if _DIRECT_FORM.fullmatch(text) is None:
                raise InvalidAddress("that is no direct reply-to address this broker made")
            return cls(text, text, direct=True)
        return cls(text, text)
