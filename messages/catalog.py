"""Bytes → message in one pass: the tagged union of every payload registered, compiled once."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError, create_model
from pydantic_core import from_json, to_json

from messages.bounded import Bounded, Findings
from messages.codes import ErrorCode
from messages.envelope import Envelope
from messages.errors import MOST_ERRORS, InvalidMessage, one, summary, told
from messages.keys import stand_once
from messages.nearest import did_you_mean
from messages.places import place_in
from messages.salvage import read, salvage
from messages.strictness import Unfit, refuse_unfit
from messages.versions import MAJOR, drop, newer, unsupported, version_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from messages.payload import Payload

#: Times unknown fields of a newer minor version are dropped before giving up: one a level.
MOST_DROPS: Final = 8
#: What every message of our own major version begins its version with.
_OURS: Final = f"{MAJOR}."
#: What the library says of a discriminator nobody has, and where ours stands.
_NO_TAG: Final = "union_tag_invalid"
_TAG: Final = ("payload", "message_type")
#: Errors of the bytes, before there is a document in which something could be wrong.
_NO_JSON: Final = frozenset({"duplicate_key", "nested_too_deep", "not_a_number"})


class Catalog:
    """Decodes messages; raises ValueError when two payloads have one type name."""

    def __init__(self, payloads: Iterable[type[Payload]]) -> None:
        self._payloads: dict[str, type[Payload]] = {}
        for payload in payloads:
            name = payload.message_type_name()
            if self._payloads.setdefault(name, payload) is not payload:
                raise ValueError(f"two payloads have the message type {name!r}; rename one of them")
        union: Any = reduce(or_, self._payloads.values())
        if len(self._payloads) > 1:
            union = Annotated[union, Field(discriminator="message_type")]
        self._model: type[Envelope] = create_model(
            "Envelope", __base__=Envelope, payload=(union, ...)
        )
        self.adapter: TypeAdapter[Envelope] = TypeAdapter(self._model)
        self._bounded = Bounded(self.adapter)
        self._validate = self._bounded.validate_json
        #: Fields of newer minor versions dropped so far, of all messages decoded.
        self.dropped = 0

    @property
    def message_types(self) -> tuple[str, ...]:
        """Every type that can be decoded, sorted."""
        return tuple(sorted(self._payloads))

    def payload_type(self, name: str) -> type[Payload] | None:
        """Return the model of a message type, or None."""
        return self._payloads.get(name)

    def decode(self, body: bytes, *, context: object | None = None) -> Envelope:
        """Return the message in these bytes; raises InvalidMessage and nothing else.

        `context` is handed to validators that check against more than the message: a
        `ValidationContext`.
        """
        try:
            envelope: Envelope = self._validate(body, context=context)
        except ValidationError as error:
            return self._counted(body, error, context)[0]
        return self._proved(body, envelope)

    def decode_counting(
        self, body: bytes, *, context: object | None = None
    ) -> tuple[Envelope, int]:
        """As `decode`; also returns how many fields of a newer minor version were dropped."""
        try:
            envelope: Envelope = self._validate(body, context=context)
        except ValidationError as error:
            return self._counted(body, error, context)
        return self._proved(body, envelope), 0

    def _counted(
        self, body: bytes, error: ValidationError, context: object | None
    ) -> tuple[Envelope, int]:
        envelope, dropped = self._second_look(body, error, context)
        self.dropped += dropped
        return self._proved(body, envelope), dropped

    def _proved(self, body: bytes, envelope: Envelope) -> Envelope:
        """Return a message that fits if it is ours, and its bytes can be believed."""
        if not envelope.version.startswith(_OURS):
            raise unsupported(int(envelope.version.split(".")[0]), salvage(read(body)))
        if stand_once(body, envelope):
            return envelope
        try:
            refuse_unfit(body)
        except (ValueError, RecursionError) as unfit:
            raise refusal_of(body, unfit) from None
        return envelope

    def _second_look(
        self,
        body: bytes,
        error: ValidationError,
        context: object | None,
    ) -> tuple[Envelope, int]:
        """Return the message without fields a newer minor version added, or raise what is wrong."""
        try:
            document = from_json(body, allow_inf_nan=False)
        except ValueError as no_json:
            raise refusal_of(body, no_json) from error
        version = version_of(document)
        if version is not None and version[0] != MAJOR:
            raise unsupported(version[0], salvage(document)) from error
        findings = self._bounded.findings(body, error, context)
        dropped = 0
        for _ in range(MOST_DROPS if newer(version) else 0):
            unknown = [row for row in findings.rows if row["type"] == "extra_forbidden"]
            fewer = sum(drop(document, self._place(document, row), row["loc"]) for row in unknown)
            if not fewer:
                break
            dropped += fewer
            body = to_json(document)
            try:
                return self._validate(body, context=context), dropped
            except ValidationError as again:
                error, findings = again, self._bounded.findings(body, again, context)
        raise self._invalid(findings, document) from error

    def _place(self, document: Any, row: Any) -> tuple[str | int, ...]:
        """Return where an error is; the payload's tag, which the library tells first, is none."""
        location = row["loc"]
        if len(self._payloads) > 1 and len(location) > 1 and location[0] == "payload":
            row = row | {"loc": ("payload", *location[2:])}
        return place_in(document, row)

    def _invalid(self, findings: Findings, document: Any) -> InvalidMessage:
        """Return what is wrong with a document that does not fit."""
        rows = [(self._place(document, row), row) for row in findings.rows[:MOST_ERRORS]]
        errors = told(rows)
        if not isinstance(document, dict):
            code, reason = (
                ErrorCode.INVALID_ENVELOPE,
                "the document is no envelope: it is no object",
            )
        elif any(row["type"] == _NO_TAG and place == _TAG for place, row in rows):
            code = ErrorCode.UNKNOWN_MESSAGE_TYPE
            payload = document.get("payload")
            written = payload.get("message_type") if isinstance(payload, dict) else None
            near = did_you_mean(written, self.message_types)
            reason = f"payload.message_type is not known here{near}"
        else:
            inside = all(place[:1] == ("payload",) for place, _ in rows)
            code = ErrorCode.INVALID_PAYLOAD if inside else ErrorCode.INVALID_ENVELOPE
            what = "the payload" if inside else "the envelope"
            reason = summary(what, errors, findings.total, exact=findings.exact)
        known = salvage(document)
        return InvalidMessage(code, reason, errors, error_count=findings.total, salvage=known)


def refusal_of(body: bytes, error: Exception) -> InvalidMessage:
    """Return what is wrong with bytes that are no JSON, or JSON that must not be believed."""
    if not isinstance(error, Unfit):
        try:
            refuse_unfit(body)
        except Unfit as unfit:
            error = unfit
        except (ValueError, RecursionError):
            pass
    known = salvage(read(body))
    if not isinstance(error, Unfit):
        reason = "this is not one JSON document in UTF-8"
        if isinstance(error, RecursionError) or "recursion" in str(error):
            reason = "objects and lists are nested too deep to be read"
        errors = one((), "json_invalid", reason)
        return InvalidMessage(ErrorCode.INVALID_JSON, reason, errors, salvage=known)
    errors = one(error.place, error.error_type, str(error))
    if error.error_type in _NO_JSON:
        return InvalidMessage(ErrorCode.INVALID_JSON, str(error), errors, salvage=known)
    code = (
        ErrorCode.INVALID_PAYLOAD if error.place[:1] == ("payload",) else ErrorCode.INVALID_ENVELOPE
    )
    return InvalidMessage(code, f"a value cannot be carried: {error}", errors, salvage=known)
