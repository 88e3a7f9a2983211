"""Bytes → message in one pass: the tagged union of every payload registered, compiled once."""

from __future__ import annotations

import json
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import orjson
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, create_model

from messages.codes import ErrorCode
from messages.envelope import Envelope
from messages.errors import FieldError, InvalidMessage, Salvage, format_errors, path_of
from messages.strictness import Twice, Unfit, count_keys, refuse_twice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from messages.payload import Payload

#: The version this code speaks; another major one is another protocol.
MAJOR: Final = 1
MINOR: Final = 0
#: Times unknown fields of a newer minor version are dropped before giving up: one a level.
MOST_DROPS: Final = 8


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
        self._validate = TypeAdapter(self._model).validator.validate_json

    @property
    def message_types(self) -> tuple[str, ...]:
        """Every type that can be decoded, sorted."""
        return tuple(sorted(self._payloads))

    def payload_type(self, name: str) -> type[Payload] | None:
        """Return the model of a message type, or None."""
        return self._payloads.get(name)

    def decode(self, body: bytes, *, context: object | None = None) -> Envelope:
        """Return the message in these bytes; raises InvalidMessage and nothing else.

        `context` is handed to validators that check against more than the message.
        """
        return self.decode_counting(body, context=context)[0]

    def decode_counting(
        self, body: bytes, *, context: object | None = None
    ) -> tuple[Envelope, int]:
        """As `decode`; also returns how many fields of a newer minor version were dropped."""
        dropped = 0
        try:
            envelope: Envelope = self._validate(body, context=context)
        except ValidationError as error:
            envelope, dropped = self._second_look(body, error, context)
        if not envelope.version.startswith("1."):
            raise _unsupported(envelope.version, _salvage(body))
        _strict(body, envelope, dropped)
        return envelope, dropped

    def _second_look(
        self,
        body: bytes,
        error: ValidationError,
        context: object | None,
    ) -> tuple[Envelope, int]:
        """Return the message without fields a newer minor version added, or raise what is wrong."""
        try:
            document = orjson.loads(body)
        except ValueError:
            document = None
        salvage = _read(document)
        version = document.get("version") if isinstance(document, dict) else None
        major, minor = _version(version)
        if major is not None and major != MAJOR:
            raise _unsupported(version, salvage) from error
        dropped = 0
        for _ in range(MOST_DROPS):
            unknown = [row["loc"] for row in _rows(error) if row["type"] == "extra_forbidden"]
            if minor is None or minor <= MINOR or not unknown:
                break
            for place in unknown:
                dropped += _drop(document, place)
            try:
                return self._validate(orjson.dumps(document), context=context), dropped
            except ValidationError as again:
                error = again
        raise _invalid(error, document, salvage) from error


def _strict(body: bytes, envelope: Envelope, dropped: int) -> None:
    try:
        refuse_twice(body, -1 if dropped else _keys(envelope))
    except Twice as twice:
        path, pointer = path_of((twice.key,))
        raise InvalidMessage(
            ErrorCode.INVALID_JSON,
            "one key stands twice in an object; readers would disagree on it",
            (FieldError(path, pointer, "duplicate_key", "this key stands twice in one object"),),
            salvage=_salvage(body),
        ) from None
    except Unfit as unfit:
        raise InvalidMessage(
            ErrorCode.INVALID_PAYLOAD,
            f"a value cannot be carried: {unfit}",
            (FieldError("payload", "/payload", "unfit_value", str(unfit)),),
            salvage=_salvage(body),
        ) from None
    except (ValueError, RecursionError):  # the exact check's parser refused what ours let pass
        raise InvalidMessage(
            ErrorCode.INVALID_JSON,
            "this is not one JSON document in UTF-8",
            salvage=_salvage(body),
        ) from None


def _keys(model: BaseModel) -> int:
    """Return how many keys of the sender's a model holds, its free objects included."""
    extra = model.__pydantic_extra__
    names = model.__pydantic_fields_set__
    count = len(names)
    values = model.__dict__
    for name in names:
        value = values.get(name)
        kind = type(value)
        if kind is str or kind is int or value is None or kind is UUID:
            continue
        count += _held(value)
    if extra:
        count += count_keys(extra) - len(extra) if names.issuperset(extra) else count_keys(extra)
    return count


def _held(value: Any) -> int:
    if isinstance(value, BaseModel):
        return _keys(value)
    if isinstance(value, list | tuple):
        return sum(map(_held, value))
    if isinstance(value, dict):
        return count_keys(value)
    return 0 if isinstance(value, float) else count_keys(value) if isinstance(value, int) else 0


def _rows(error: ValidationError) -> list[Any]:
    return error.errors(include_url=False, include_input=False, include_context=False)


def _invalid(error: ValidationError, document: Any, salvage: Salvage) -> InvalidMessage:
    errors, count = format_errors(error)
    kinds = {one.error_type for one in errors}
    if "json_invalid" in kinds:
        code, reason = ErrorCode.INVALID_JSON, "this is not one JSON document in UTF-8"
    elif document is None or not isinstance(document, dict):
        code, reason = ErrorCode.INVALID_ENVELOPE, "the document is no envelope: it is no object"
    elif "union_tag_invalid" in kinds:
        code = ErrorCode.UNKNOWN_MESSAGE_TYPE
        reason = "payload.message_type is not known here"
    elif all(one.field_path.startswith("payload.") for one in errors):
        code, reason = ErrorCode.INVALID_PAYLOAD, _summary("the payload", errors, count)
    else:
        code, reason = ErrorCode.INVALID_ENVELOPE, _summary("the envelope", errors, count)
    return InvalidMessage(code, reason, errors, error_count=count, salvage=salvage)


def _summary(what: str, errors: tuple[FieldError, ...], count: int) -> str:
    if not errors:
        return f"{what} has {count} errors"
    first = errors[0]
    more = "" if count == 1 else f" (and {count - 1} more)"
    return f"{what} does not fit: {first.field_path or 'document'}: {first.message}{more}"


def _unsupported(version: object, salvage: Salvage) -> InvalidMessage:
    major, _ = _version(version)
    return InvalidMessage(
        ErrorCode.UNSUPPORTED_VERSION,
        f"version {major} of the protocol is not spoken here, only {MAJOR}",
        (FieldError("version", "/version", "unsupported_version", f"must begin with {MAJOR}."),),
        salvage=salvage,
    )


def _version(text: object) -> tuple[int | None, int | None]:
    if not isinstance(text, str) or len(text) > 20:  # noqa: PLR2004 - three numbers of six digits
        return None, None
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() for part in parts):  # noqa: PLR2004 - MAJOR.MINOR.PATCH
        return None, None
    return int(parts[0]), int(parts[1])


def _drop(document: Any, place: tuple[str | int, ...]) -> int:
    """Take the field at `place` out of the document; a union's tag in the place is passed over."""
    at = document
    for key in place[:-1]:
        if isinstance(at, dict):
            at = at.get(key, at)
        elif isinstance(at, list) and isinstance(key, int) and key < len(at):
            at = at[key]
    if isinstance(at, dict) and place[-1] in at:
        del at[place[-1]]
        return 1
    return 0


def _salvage(body: bytes) -> Salvage:
    """Read what can be read; numbers that JSON has no place for do not hide the rest."""
    try:
        return _read(orjson.loads(body))
    except ValueError:
        pass
    try:
        return _read(json.loads(body))
    except (ValueError, RecursionError):
        return Salvage()


def _read(document: Any) -> Salvage:
    if not isinstance(document, dict):
        return Salvage()
    source = document.get("source_agent")
    payload = document.get("payload")
    request = payload.get("request") if isinstance(payload, dict) else None
    return Salvage(
        _uuid(document.get("envelope_id")),
        _uuid(document.get("correlation_id")),
        _text(document.get("reply_to"), 255),
        _text(source.get("agent_id"), 128) if isinstance(source, dict) else None,
        _text(payload.get("message_type"), 100) if isinstance(payload, dict) else None,
        _text(request.get("task_type"), 100) if isinstance(request, dict) else None,
    )


def _uuid(value: object) -> UUID | None:
    if not isinstance(value, str) or len(value) > 45:  # noqa: PLR2004 - the longest way to write one
        return None
    try:
        return UUID(value)
    except ValueError:
        return None


def _text(value: object, most: int) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= most else None
