"""A task's own parameters: an object already parsed, against the model its processor names."""

from __future__ import annotations

from typing import TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from messages.codes import ErrorCode
from messages.errors import InvalidMessage, format_errors

T = TypeVar("T")


def decode_parameters(
    adapter: TypeAdapter[T],
    value: object,
    *,
    prefix: tuple[str | int, ...] = (),
) -> T:
    """Return the parameters as their model; raises InvalidMessage with paths below `prefix`.

    The quick way takes them as Python values. Where that refuses, they are looked at as JSON, which
    they were: a strict UUID may be written as text there.
    """
    try:
        return adapter.validator.validate_python(value)  # type: ignore[no-any-return] # the adapter's own type
    except ValidationError:
        pass
    try:
        return adapter.validate_json(orjson.dumps(value))
    except ValidationError as error:
        errors, count = format_errors(error, prefix=prefix)
        where = ".".join(map(str, prefix)) or "the parameters"
        first = f": {errors[0].field_path}: {errors[0].message}" if errors else ""
        raise InvalidMessage(
            ErrorCode.INVALID_PAYLOAD,
            f"{where} do not fit{first}",
            errors,
            error_count=count,
        ) from error
