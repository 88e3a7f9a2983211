"""What becomes of a message that is none: all it still tells of itself and its asker. Pure.

A refused message is dead-lettered and answered in the words of its form. Its types are told where
they are registered here, so that operators find it; whatever else a sender wrote there is
`unknown`, but for its dead letter, which tells what has the form of a type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from messages import ErrorCode, InvalidMessage, Salvage
from messages.json_rpc import salvage_of, told_at
from messages.nearest import did_you_mean
from messages.payload import type_name
from messages.salvage import read, salvage
from workers.answering.asking import NOBODY, salvaged_asker
from workers.answering.calls import salvaged_caller
from workers.outcome import UNREGISTERED, Subject
from workers.request import TASK

if TYPE_CHECKING:
    from messages import Catalog, Envelope, TaskRequest
    from workers.endings import Endings
    from workers.outcome import Outcome
    from workers.registry import Registry
    from workers.request import Request

#: What is known of a message that nobody has looked into.
UNKNOWN: Final = Subject()
#: Task types named to a sender whose own is not known.
MOST_NAMED: Final = 20


class Refusals:
    """Refuses the messages of one worker."""

    def __init__(self, registry: Registry, catalog: Catalog, endings: Endings) -> None:
        self._registry = registry
        self._catalog = catalog
        self._endings = endings
        self._answerable = endings.policy.answerable

    def refused(self, request: Request, invalid: InvalidMessage) -> Outcome:
        """Return the dead letter of what is no message, told in the words of its form."""
        salvaged = self.salvaged(request, invalid.salvage)
        return self._endings.refused(salvaged, self.told(request, invalid))

    def failed(self, request: Request, error: BaseException) -> Outcome:
        """Return what becomes of a message that could not be read through no fault of its own."""
        known = None
        if request.envelope is None and request.call is None:
            known = salvage(read(request.delivery.body))
        return self._endings.unreadable(self.salvaged(request, known), error)

    def told(self, request: Request, invalid: InvalidMessage) -> InvalidMessage:
        """Return a refusal in the words of the form the message came in."""
        call = request.call
        if call is None:
            return self._or_task(invalid)
        types = self._catalog
        return told_at(call, invalid, types.payload_type(call.method), types.message_types)

    def _or_task(self, invalid: InvalidMessage) -> InvalidMessage:
        """Return a refusal that says so where a task's type stands in place of a message's."""
        known = invalid.salvage
        named = (known.message_type or "").lower() if known is not None else ""
        if (
            invalid.code is not ErrorCode.UNKNOWN_MESSAGE_TYPE
            or named not in self._registry.task_types
        ):
            return invalid
        reason = (
            f"{invalid.reason}; {named} is a task type here: send a {TASK} with "
            f"payload.request.task_type {named} (leveret publish --task {named})"
        )
        return InvalidMessage(
            invalid.code, reason, invalid.errors, error_count=invalid.error_count, salvage=known
        )

    def nobody(self, envelope: Envelope, task: TaskRequest | None) -> InvalidMessage:
        """Return why a message that nobody is registered for is refused."""
        if task is None:
            types = {route.message_type for route in self._registry.routes}
            near = did_you_mean(envelope.message_type, sorted(types))
            return InvalidMessage(
                ErrorCode.UNKNOWN_MESSAGE_TYPE,
                f"no processor is registered here for message type {envelope.message_type}{near}",
            )
        known = self._registry.task_types
        named = ", ".join(known[:MOST_NAMED]) or "none"
        near = did_you_mean(task.task_type, known) or ";"
        reason = f"no processor is registered here for that task_type{near} registered are: {named}"
        if self._registry.route(task.task_type) is not None:
            reason += "; it is a message type here: send it as one, not as a task"
        return InvalidMessage(ErrorCode.UNKNOWN_TASK_TYPE, reason)

    def salvaged(self, request: Request, salvage: Salvage | None) -> Request:
        """Return the request with what a refused message still tells of itself and its asker."""
        if request.asker is not NOBODY:
            return request
        if salvage is None and request.call is not None:
            salvage = salvage_of(request.call)
        subject = request.subject
        if subject is UNKNOWN:
            subject = self._subject(salvage)
        envelope = request.envelope
        if envelope is not None:
            salvage = Salvage(
                envelope.envelope_id,
                envelope.correlation_id,
                envelope.reply_to,
                envelope.source_agent.agent_id,
            )
        properties, answerable = request.delivery.properties, self._answerable.of(request.sender)
        if request.call is not None:
            who = salvaged_caller(request.call, salvage, properties, answerable)
        else:
            who = salvaged_asker(salvage, properties, answerable)
        return request.but(subject=subject, asker=who)

    def _subject(self, salvage: Salvage | None) -> Subject:
        """Return what a refused message was about, as far as its types are registered here."""
        if salvage is None:
            return UNKNOWN
        message_type, task_type, asked = salvage.message_type or "", "", ""
        if self._catalog.payload_type(message_type) is None:
            message_type, asked = UNREGISTERED, type_name(message_type)
        elif message_type == TASK:
            task_type = (salvage.task_type or "").lower()
            if self._registry.route(TASK, task_type) is None:
                task_type, asked = UNREGISTERED, type_name(task_type)
        return Subject(
            message_type,
            task_type,
            salvage.envelope_id,
            salvage.correlation_id,
            salvage.sender_id,
            asked,
        )
