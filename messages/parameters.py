"""A task's own parameters: an object already parsed, against the model its processor names."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from messages.bounded import Bounded
from messages.codes import ErrorCode
from messages.errors import InvalidMessage, summary, told
from messages.places import place_in

if TYPE_CHECKING:
    from messages.places import Place

T = TypeVar("T")

#: One for each task type; a worker has few.
_bounded = lru_cache(maxsize=1_024)(Bounded)


def prepare(adapter: TypeAdapter[T]) -> None:
    """Make a model's validators, so that one which cannot be made fails here, and not later."""
    _bounded(adapter)


def decode_parameters(
    adapter: TypeAdapter[T],
    value: object,
    *,
    prefix: Place = (),
    context: object | None = None,
) -> T:
    """Return the parameters as their model; raises InvalidMessage with paths below `prefix`.

    The quick way takes them as Python values. Where that refuses, they are looked at as JSON, which
    they were: a strict UUID may be written as text there.
    """
    bounded = _bounded(adapter)
    try:
        return bounded.validate_python(value, context=context)  # type: ignore[no-any-return] # the adapter's own type
    except ValidationError:
        pass
    body = to_json(value)
    try:
        return bounded.validate_json(body, context=context)  # type: ignore[no-any-return] # likewise
    except ValidationError as error:
        findings = bounded.findings(body, error, context)
        errors = told(((*prefix, *place_in(value, row)), row) for row in findings.rows)
        what = ".".join(map(str, prefix)) or "the value"
        raise InvalidMessage(
            ErrorCode.INVALID_PAYLOAD,
            summary(what, errors, findings.total, exact=findings.exact),
            errors,
            error_count=findings.total,
        ) from error
