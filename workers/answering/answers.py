"""A processor's result, or its failure, as an answer ready for the wire. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from pydantic import BaseModel

from messages import (
    Payload,
    TaskRequestPayload,
    TaskResult,
    TaskStatus,
    answer_payload,
    answer_task,
    encode,
)
from messages.json_rpc import CONTENT_TYPE, error_body, result_body
from workers.answering.error_answers import ERROR, ErrorAnswers
from workers.answering.task_answers import TASK_ANSWER, TaskAnswers
from workers.answering.unsayable import TooLarge, Unsayable, refuse_unsayable
from workers.outcome import Answer, made

if TYPE_CHECKING:
    from collections.abc import Callable

    from messages import Address, AgentMetadata, Envelope
    from workers.answering.asking import Asker
    from workers.inbox.port import Kept
    from workers.outcome import Failure
    from workers.request import Request

#: The type property of a batch's answer, which holds answers of any type.
BATCH_TYPE: Final = "json-rpc-batch"
_NO_HEADERS: Final[dict[str, object]] = {}


class Answers:
    """Builds the answers of one worker; `replies` is the exchange of agents' mailboxes.

    No result goes out with more than `most` bytes.
    """

    def __init__(
        self,
        source: AgentMetadata,
        *,
        replies: str,
        most: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._source = source
        self._tasks = TaskAnswers(source)
        self._errors = ErrorAnswers(source)
        self._replies = replies
        self._most = most
        self._now = now

    def result(self, asked: Request, result: object) -> Answer | None:
        """Return the answer to a request that was done, or None where nobody asked.

        Raises Unsayable for a result that is neither a payload, a model, a mapping nor None, and
        whatever its serializer raises: a processor's mistake, which is an outcome of its own; and
        TooLarge.
        """
        request, asker, call = asked.envelope, asked.asker, asked.call
        assert request is not None  # noqa: S101 - only what could be read is done
        if call is None:
            written = self._tasks.write(request, result, self._now())
            if written is not None:
                address = asker.address
                return None if address is None else self._told(address, asked, TASK_ANSWER, written)
        if isinstance(result, Payload):
            answered = answer_payload(request, result, source=self._source)
        else:
            answered = answer_task(request, self._task_result(request, result), source=self._source)
        body = encode(answered) if call is None else result_body(call, answered.payload)
        refuse_unsayable(result)
        if asker.address is None:
            return None
        return self._told(asker.address, asked, answered.message_type, body)

    def again(self, asked: Request, kept: Kept) -> Answer | None:
        """Return an answer that was given before, or None where nobody asked, then or now.

        Raises TooLarge, where more was allowed then.
        """
        if asked.asker.address is None or kept.body is None:
            return None
        return self._told(asked.asker.address, asked, kept.message_type, kept.body)

    def error(
        self,
        asked: Request,
        failure: Failure,
        *,
        letter_id: str,
        attempts: int,
    ) -> Answer | None:
        """Return the error answer, or None where nobody asked."""
        request, asker = asked.envelope, asked.asker
        if asker.address is None:
            return None
        details: dict[str, Any] = {
            "errors": [error._asdict() for error in failure.errors],
            "error_count": failure.error_count,
            "attempts": attempts,
            "retryable": failure.retryable,
            "dead_letter_id": letter_id,
        }
        if failure.process is not None:
            details["process"] = failure.process._asdict()
        if asked.call is not None:
            told = {"error_code": failure.code.value, "error_message": failure.reason, **details}
            body = error_body(asked.call, failure.code, told)
            return self._answer(asker.address, asked, ERROR, body)
        own = None if request is None else request.envelope_id
        given = None if request is None else request.correlation_id
        body = self._errors.write(
            failure,
            details,
            self._now(),
            correlation_id=given or own or _uuid(asker.correlation_id),
            target_agent=asker.agent_id,
            original=own,
        )
        return self._answer(asker.address, asked, ERROR, body)

    def batch(self, asker: Asker, body: bytes) -> Answer | None:
        """Return the answer to a batch of calls, or None where nobody asked."""
        address = asker.address
        if address is None:
            return None
        return Answer(
            self._replies if address.agent else "",
            address.routing_key,
            asker.correlation_id,
            BATCH_TYPE,
            body,
            address.direct,
            CONTENT_TYPE,
        )

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
            raise Unsayable(
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

    def _told(self, address: Address, asked: Request, message_type: str, body: bytes) -> Answer:
        if len(body) > self._most:
            raise TooLarge(len(body), self._most)
        return self._answer(address, asked, message_type, body)

    def _answer(self, address: Address, asked: Request, message_type: str, body: bytes) -> Answer:
        return made(
            Answer,
            (
                self._replies if address.agent else "",
                address.routing_key,
                asked.asker.correlation_id,
                message_type,
                body,
                address.direct,
                "application/json" if asked.call is None else CONTENT_TYPE,
                _NO_HEADERS,
            ),
        )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
