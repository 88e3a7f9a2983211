"""What goes to a child process: whom to call, then one errand for each attempt.

An errand is two frames: the facts around the message as JSON, and its envelope as the models write
it. The child reads the envelope with the same models. What was checked here before is not refused
there: the context of the check goes along.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson
from pydantic import TypeAdapter, ValidationError

from messages import (
    SHIPPED_PAYLOADS,
    Catalog,
    Payload,
    SecurityLevel,
    ValidationContext,
    decode_parameters,
)
from messages.trusting import Trusting
from workers.context import Context
from workers.executor.named import find, name_of
from workers.outcome import Delivery, Properties
from workers.request import PARAMETERS, deadline_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from messages import Envelope
    from workers.logs import LogPlan
    from workers.registry import Process, Route


class Calling(NamedTuple):
    """Whom a child calls: names it imports, and how it logs."""

    process: str
    #: The model of a task's parameters, or the payload.
    model: str
    is_task: bool
    log_form: Literal["text", "json"]
    log_level: str
    worker: str

    @classmethod
    def of(cls, route: Route, log: LogPlan) -> Calling:
        """Return the names of a route."""
        return cls(
            name_of(route.process),
            name_of(route.model),
            bool(route.task_type),
            log.form,
            log.level,
            log.worker,
        )

    def written(self) -> bytes:
        """Return it as a frame."""
        return orjson.dumps(self._asdict())

    @classmethod
    def read(cls, frame: bytes) -> Calling:
        """Return what `written` wrote."""
        return cls(**orjson.loads(frame))


def write(context: Context, checked: ValidationContext) -> tuple[bytes, bytes]:
    """Return one attempt as its two frames."""
    facts = {
        "attempt": context.attempt,
        "worker": context.worker,
        "user_id": context.user_id,
        "headers": context.headers,
        "redelivered": context.redelivered,
        # What is known here was asked here.
        "checked": checked._replace(known={})._asdict(),
    }
    envelope = context.envelope.model_dump_json(round_trip=True, by_alias=True)
    return orjson.dumps(facts, default=_absent), envelope.encode()


class Called:
    """The processor in its child: calls it with what an errand says."""

    def __init__(self, calling: Calling, now: Callable[[], datetime]) -> None:
        self._now = now
        self._process: Process = find(calling.process)
        model = find(calling.model)
        model.model_rebuild()  # it may name what stands below it; nothing is done where it is whole
        self._parameters = TypeAdapter(model) if calling.is_task else None
        payloads = {payload.message_type_name(): payload for payload in SHIPPED_PAYLOADS}
        if issubclass(model, Payload):
            payloads[model.message_type_name()] = model
        self._catalog = Catalog(payloads.values())

    async def __call__(self, facts: bytes, envelope: bytes) -> object:
        """Return the processor's result, or raise what it raises."""
        told = orjson.loads(facts)
        checked = _checked(told["checked"])
        message = self._envelope(envelope, checked)
        properties = Properties(headers=told["headers"] or {}, user_id=told["user_id"])
        context = Context(
            message,
            Delivery(b"", properties, redelivered=told["redelivered"]),
            attempt=told["attempt"],
            worker=told["worker"],
            deadline=deadline_of(message),
            now=self._now,
        )
        return await self._process(self._argument(message, checked), context)

    def _envelope(self, body: bytes, context: ValidationContext) -> Envelope:
        try:
            return self._catalog.adapter.validate_json(body, context=context)
        except ValidationError:  # its lane let it pass without the rules
            return Trusting(self._catalog).read(body, context=context)

    def _argument(self, message: Envelope, context: ValidationContext) -> object:
        if self._parameters is None:
            return message.payload
        given = message.payload.request.parameters  # type: ignore[attr-defined] # a task has them
        return decode_parameters(self._parameters, given, prefix=PARAMETERS, context=context)


class _Known(dict[str, "Callable[[str], bool]"]):
    """Says yes to every reference: the worker has asked."""

    def get(self, _kind: str, _default: object = None) -> Any:
        return lambda _name: True


def _checked(told: Mapping[str, Any]) -> ValidationContext:
    level = told["security_level"]
    return ValidationContext(
        **{
            **told,
            "security_level": None if level is None else SecurityLevel(level),
            "timestamp": None,
            "forbidden_words": tuple(told["forbidden_words"]),
            "known": _Known(),
        }
    )


def _absent(value: object) -> object:
    """Return what stands for a header's value that JSON cannot hold, bytes above all."""
    return str(value) if isinstance(value, Decimal) else None
