"""Who wants the answer and under which correlation id; and whether we may answer there. Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from glob import escape
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from messages import Address, ErrorCode, FieldError, InvalidAddress, InvalidMessage
from workers.outcome import made

if TYPE_CHECKING:
    from messages import Envelope, Salvage
    from topology import Names
    from workers.outcome import Properties


class Asker(NamedTuple):
    """Where the answer goes (None: nobody asked) and the correlation id it carries."""

    address: Address | None
    correlation_id: str
    #: The agent the answer is for, None where the message did not say.
    agent_id: str | None = None


NOBODY: Final = Asker(None, "")
#: What a sender writes for direct reply-to; the broker puts the whole address into the property.
DIRECT: Final = "amq.rabbitmq.reply-to"
#: Addresses remembered as good; each is at most 255 bytes.
REMEMBERED: Final = 1024


#: In a pattern: the broker user who asks, if the broker vouches for one.
SENDER: Final = "{user}"


class Answerable:
    """Which addresses may be answered: `allow` are shell patterns such as `agent://*`.

    With `{user}` in all of them nobody is answered but at an address of their own, so that no
    sender can have us write into another's mailbox.

    The project's own queues and the broker's `amq.` names are never answered, whatever is allowed,
    direct reply-to excepted: a sender could make us talk to ourselves or to others' consumers.
    """

    def __init__(self, allow: tuple[str, ...], names: Names) -> None:
        self.names = names
        self._allow = allow
        #: Whether it depends on who asks.
        self.personal = any(SENDER in pattern for pattern in allow)
        self._of = lru_cache(maxsize=REMEMBERED)(self._for)
        #: Returns the address, or raises InvalidMessage that says why it is not answered. The good
        #: ones are remembered: most askers ask more than once.
        self.check = lru_cache(maxsize=REMEMBERED)(self._check)

    def of(self, sender: str | None) -> Answerable:
        """Return which addresses may be answered when it is this broker user who asks."""
        return self._of(sender) if self.personal else self

    def _for(self, sender: str | None) -> Answerable:
        # A user's name is taken as it is: a `*` in it is no pattern.
        named = None if sender is None else escape(sender)
        return Answerable(
            tuple(
                pattern.replace(SENDER, named or "")
                for pattern in self._allow
                if named is not None or SENDER not in pattern
            ),
            self.names,
        )

    def _check(self, text: str) -> Address:
        try:
            address = Address.parse(text)
        except InvalidAddress as error:
            raise InvalidMessage(ErrorCode.REPLY_TO_NOT_ALLOWED, str(error)) from error
        named = not address.direct and not address.agent
        if named and (self.names.owns(text) or text.startswith("amq.")):
            raise InvalidMessage(
                ErrorCode.REPLY_TO_NOT_ALLOWED,
                "reply_to names a queue of the broker's or of this service's own; "
                "use a queue of yours, agent://<id>/<mailbox> or amq.rabbitmq.reply-to",
            )
        if not any(fnmatchcase(text, pattern) for pattern in self._allow):
            raise InvalidMessage(
                ErrorCode.REPLY_TO_NOT_ALLOWED,
                "this worker may not answer that reply_to; ask its operator what "
                "LEVERET_REPLY_TO_ALLOW lets in, and whether you must name your user_id",
            )
        return address


def asker(envelope: Envelope, properties: Properties, answerable: Answerable) -> Asker:
    """Return who asks; raises InvalidMessage where envelope and properties disagree."""
    own = None if envelope.correlation_id is None else str(envelope.correlation_id)
    given = properties.correlation_id
    if own and given and not _same_id(own, given):
        raise InvalidMessage(
            ErrorCode.ADDRESS_MISMATCH,
            "the envelope's correlation_id and the AMQP property correlation_id differ; "
            "send one of them, or the same in both",
        )
    if _contradict(envelope.reply_to, properties.reply_to):
        raise InvalidMessage(
            ErrorCode.ADDRESS_MISMATCH,
            "the envelope's reply_to and the AMQP property reply_to differ; "
            "send one of them, or the same in both",
        )
    to = properties.reply_to or envelope.reply_to
    if to is None and envelope.payload.needs_answer:
        raise InvalidMessage(
            ErrorCode.INVALID_ENVELOPE,
            "a message of this type asks for an answer and names no reply_to",
            (FieldError("reply_to", "/reply_to", "reply_to_required", "say where to answer"),),
        )
    correlation_id = given or own or str(envelope.envelope_id)
    address = answerable.check(to) if to else None
    return made(Asker, (address, correlation_id, envelope.source_agent.agent_id))


def salvaged_asker(
    salvage: Salvage | None,
    properties: Properties,
    answerable: Answerable,
) -> Asker:
    """Return who asked, as far as a refused message tells; nobody where that is unclear."""
    reply_to = salvage.reply_to if salvage else None
    if _contradict(reply_to, properties.reply_to):
        return NOBODY
    to = properties.reply_to or reply_to
    if not to:
        return NOBODY
    try:
        address = answerable.check(to)
    except InvalidMessage:
        return NOBODY
    known = (salvage.correlation_id or salvage.envelope_id) if salvage else None
    correlation_id = properties.correlation_id or (str(known) if known else "")
    return Asker(address, correlation_id, salvage.sender_id if salvage else None)


def _contradict(own: str | None, given: str | None) -> bool:
    """Whether envelope and property name two places; the broker completes a direct reply-to."""
    return bool(own and given) and own not in {given, DIRECT}


def _same_id(own: str, given: str) -> bool:
    if own == given:
        return True
    try:
        return UUID(own) == UUID(given)
    except ValueError:
        return False
