"""One JSON-RPC request as it came, and the words such a request is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from messages.shipped import TaskRequestPayload

if TYPE_CHECKING:
    from messages.errors import InvalidMessage

VERSION: Final = "2.0"
#: The member that carries what JSON-RPC has no word for.
EXTRA: Final = "leveret"
FACTS: Final = (
    "reply_to",
    "ttl",
    "target_agent",
    "correlation_id",
    "source_agent",
    "version",
    "timestamp",
)
#: `task_request.echo` with the task's parameters as `params`: the short way to ask for a task.
SHORT: Final = TaskRequestPayload.message_type_name() + "."


class Call(NamedTuple):
    """One request as it came, understood or refused."""

    #: Any string, number or null: it goes back as it came.
    id: object = None
    #: Nobody waits for an answer, not even for an error.
    notification: bool = False
    method: str = ""
    params: dict[str, Any] | list[Any] | None = None
    facts: dict[str, Any] = {}
    #: Why it is no request; None for one.
    refusal: InvalidMessage | None = None

    @property
    def short(self) -> bool:
        """Whether it asks for a task by `task_request.<task type>`."""
        return self.method.startswith(SHORT)

    @property
    def told(self) -> str | None:
        """The id as text, where it can serve as a correlation id."""
        if isinstance(self.id, bool) or not isinstance(self.id, str | int | float):
            return None
        text = str(self.id)
        return text if text.isprintable() and 0 < len(text.encode()) <= 255 else None  # noqa: PLR2004 - AMQP's short string


#: What could not be read, so that nobody knows whether it wanted an answer: it gets one.
UNREADABLE: Final = Call()
