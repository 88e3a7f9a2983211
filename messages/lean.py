"""The lean forms: a high-speed, compact or optimized message on its own, without an envelope.

    {"msg_id": 7, "msg_type": "reading", "data": {…}, "timestamp": 1764086400.5}
    {"msg_id": 7, "msg_type": "req", "payload": {"message_type": "reading", …}, "headers": []}
    {"message_type": "request", "payload": {"message_type": "reading", …}, "headers": []}

They are validated as a TypedDict or a flat model in one adapter each, and their payload as what it
is. An answer goes to the AMQP property `reply_to`: there is no other place for an address.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from messages.agents import AgentMetadata, AgentRole
from messages.catalog import refusal_of
from messages.codes import ErrorCode
from messages.envelope import DEFAULT_TTL, Envelope
from messages.errors import InvalidMessage, one, summary
from messages.fast import CompactMessage, HighSpeedMessage, OptimizedMessage
from messages.model import DEFAULT_VERSION, utc_now
from messages.parameters import decode_parameters
from messages.salvage import Salvage
from messages.strictness import refuse_unfit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from messages.catalog import Catalog

#: Who a lean message comes from: it does not say.
SENDER: Final = AgentMetadata(
    agent_id="lean",
    role=AgentRole.GATEWAY,
    capabilities=("request_routing", "load_balancing"),
    load_factor=0.0,
)
_OPTIMIZED_TYPES: Final = frozenset({"request", "response", "notification"})


class _Form(NamedTuple):
    adapter: TypeAdapter[Any]
    #: Where the payload stands.
    place: str


_HIGH_SPEED: Final = _Form(TypeAdapter(HighSpeedMessage), "data")
_COMPACT: Final = _Form(TypeAdapter(CompactMessage), "payload")
_OPTIMIZED: Final = _Form(TypeAdapter(OptimizedMessage), "payload")


class LeanReader:
    """Reads lean messages as whole ones, with the payloads of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._payloads: Mapping[str, TypeAdapter[Any]] = {
            name: TypeAdapter(model)
            for name in catalog.message_types
            if (model := catalog.payload_type(name)) is not None
        }
        self._high_speed: Callable[..., Any] = _HIGH_SPEED.adapter.validator.validate_json

    def read(self, body: bytes, *, context: object | None = None) -> Envelope | None:
        """Return the message in a lean body, None for another form.

        Raises InvalidMessage for a body in lean form that does not fit.
        """
        if b'"msg_id"' in body and b'"data"' in body:
            try:
                message = self._high_speed(body)
            except ValidationError:
                return self._second_look(body, context)
            self._refuse_unfit(body)
            return self._high(message, context)
        if b'"source_agent"' in body or b'"payload"' not in body:
            return None
        return self._second_look(body, context)

    def _second_look(self, body: bytes, context: object | None) -> Envelope | None:
        try:
            document = from_json(body, allow_inf_nan=False)
        except ValueError:
            return None
        form = _form_of(document)
        if form is None:
            return None
        self._refuse_unfit(body)
        try:
            message = decode_parameters(form.adapter, document)
        except InvalidMessage as misfit:
            raise InvalidMessage(
                ErrorCode.INVALID_ENVELOPE,
                summary("the lean message", misfit.errors, misfit.error_count),
                misfit.errors,
                error_count=misfit.error_count,
            ) from misfit
        if form is _HIGH_SPEED:
            return self._high(message, context)
        payload = message.payload
        kind = payload.get("message_type")
        if not isinstance(kind, str):
            text = "the type that decides the rest is missing or is no text"
            errors = one((form.place, "message_type"), "union_tag_not_found", text)
            reason = summary("the payload", errors, 1)
            raise InvalidMessage(ErrorCode.INVALID_PAYLOAD, reason, errors)
        return self._envelope(kind, payload, form.place, context)

    def _high(self, message: HighSpeedMessage, context: object | None) -> Envelope:
        try:
            sent = datetime.fromtimestamp(message["timestamp"], UTC)
        except (ValueError, OverflowError, OSError):
            errors = one(("timestamp",), "timestamp_range", "must be seconds since 1970")
            reason = summary("the lean message", errors, 1)
            raise InvalidMessage(ErrorCode.INVALID_ENVELOPE, reason, errors) from None
        data, kind = message["data"], message["msg_type"]
        if "message_type" in data:
            errors = one(("data", "message_type"), "extra_forbidden", "msg_type says it already")
            reason = summary("the payload", errors, 1)
            raise InvalidMessage(ErrorCode.INVALID_PAYLOAD, reason, errors)
        return self._envelope(kind, {**data, "message_type": kind}, "data", context, sent=sent)

    def _envelope(
        self,
        kind: str,
        content: dict[str, Any],
        place: str,
        context: object | None,
        *,
        sent: datetime | None = None,
    ) -> Envelope:
        adapter = self._payloads.get(kind)
        if adapter is None:
            raise InvalidMessage(
                ErrorCode.UNKNOWN_MESSAGE_TYPE,
                "the message's type is not known here",
                salvage=Salvage(message_type=kind),
            )
        payload = decode_parameters(adapter, content, prefix=(place,), context=context)
        told = {"message_type", "payload", "source_agent"}
        if sent is not None:  # its ttl counts from here
            told.add("timestamp")
        return Envelope.model_construct(
            told,
            envelope_id=uuid4(),
            message_type=kind,
            correlation_id=None,
            reply_to=None,
            ttl=DEFAULT_TTL,
            source_agent=SENDER,
            target_agent=None,
            version=DEFAULT_VERSION,
            timestamp=sent or utc_now(),
            payload=payload,
        )

    def _refuse_unfit(self, body: bytes) -> None:
        try:
            refuse_unfit(body)
        except (ValueError, RecursionError) as unfit:
            raise refusal_of(body, unfit) from None


def _form_of(document: object) -> _Form | None:
    """Return the lean form a document is meant in; None where it is meant as an envelope."""
    if not isinstance(document, dict) or "source_agent" in document or "envelope_id" in document:
        return None
    if "msg_id" in document and "msg_type" in document:
        return _HIGH_SPEED if "data" in document else _COMPACT
    kind, payload = document.get("message_type"), document.get("payload")
    if not isinstance(kind, str) or kind not in _OPTIMIZED_TYPES or not isinstance(payload, dict):
        return None
    # An envelope says the same type twice.
    return None if payload.get("message_type") == kind else _OPTIMIZED
