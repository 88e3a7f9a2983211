"""A processor's result, or its failure, as an answer ready for the wire. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel

from messages import (
    Payload,
    TaskRequestPayload,
    TaskResult,
    TaskStatus,
    answer_error,
    answer_payload,
    answer_task,
    encode,
    error_payload,
)
from workers.outcome import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from messages import Address, AgentMetadata, Envelope
    from workers.asking import Asker
    from workers.outcome import Failure


class Answers:
    """Builds the answers of one worker; `replies` is the exchange of agents' mailboxes."""

    def __init__(
        self,
        source: AgentMetadata,
        *,
        replies: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._source = source
        self._replies = replies
        self._now = now

    def result(self, request: Envelope, asker: Asker, result: object) -> Answer | None:
        """Return the answer to a request that was done, or None where nobody asked.

        Raises TypeError for a result that is neither a payload, a model, a mapping nor None, and
        whatever its serializer raises: a processor's mistake, which is an outcome of its own.
        """
        if isinstance(result, Payload):
            answered = answer_payload(request, result, source=self._source)
        else:
            answered = answer_task(request, self._task_result(request, result), source=self._source)
        if asker.address is None:
            return None
        return self._answer(asker.address, asker.correlation_id, answered)

    def error(
        self,
        request: Envelope | None,
        asker: Asker,
        failure: Failure,
        *,
        letter_id: str,
        attempts: int,
    ) -> Answer | None:
        """Return the error answer, or None where nobody asked."""
        if asker.address is None:
            return None
        details: dict[str, Any] = {
            "errors": [error._asdict() for error in failure.errors],
            "error_count": failure.error_count,
            "attempts": attempts,
            "retryable": failure.retryable,
            "dead_letter_id": letter_id,
        }
        payload = error_payload(
            failure.code.value,
            failure.reason,
            details,
            original=None if request is None else request.envelope_id,
        )
        own = None if request is None else request.correlation_id or request.envelope_id
        answered = answer_error(
            payload,
            source=self._source,
            correlation_id=own or _uuid(asker.correlation_id),
            target_agent=asker.agent_id,
        )
        return self._answer(asker.address, asker.correlation_id, answered)

    def _task_result(self, request: Envelope, result: object) -> TaskResult:
        if isinstance(result, TaskResult):
            return result
        if result is None:
            content: dict[str, Any] = {}
        elif isinstance(result, BaseModel):
            content = result.model_dump(mode="json")
        elif isinstance(result, dict):
            content = result
        else:
            raise TypeError(
                f"a processor returned a {type(result).__name__}; return a payload, a model, "
                "a dict or None",
            )
        payload = request.payload
        task_id = (
            payload.request.task_id
            if isinstance(payload, TaskRequestPayload)
            else request.envelope_id
        )
        return TaskResult(
            task_id=task_id,
            status=TaskStatus.COMPLETED,
            completion_time=self._now(),
            result_data=content,
        )

    def _answer(self, address: Address, correlation_id: str, answered: Envelope) -> Answer:
        return Answer(
            self._replies if address.agent else "",
            address.routing_key,
            correlation_id,
            answered.message_type,
            encode(answered),
            address.direct,
        )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
