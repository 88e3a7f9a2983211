"""Messages taken without their rules, for senders whose every message was validated already.

Values get the types their fields name - a UUID is a UUID, a task type is in lower case - because
processors count on it. What is left out: bounds, patterns, strictness, rules between fields, and
the second look at the bytes. What does not even have the right form is left to validation, and so
is a model whose rules depend on where its message is. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError
from pydantic_core import SchemaValidator

from messages.core_schemas import rebuilt
from messages.versions import MAJOR

if TYPE_CHECKING:
    from messages.catalog import Catalog
    from messages.core_schemas import Schema
    from messages.envelope import Envelope

#: What the core schema of a value calls a rule about it.
_RULES: Final = frozenset(
    {
        "strict",
        "ge",
        "gt",
        "le",
        "lt",
        "multiple_of",
        "max_length",
        "min_length",
        "pattern",
        "max_digits",
        "decimal_places",
    }
)
#: What has these words for the whole of it, and none of them is a rule about a value.
_WHOLE: Final = frozenset({"model", "typed-dict", "dataclass"})
_OURS: Final = f"{MAJOR}."


class Doubtful(Exception):
    """The body must be validated after all."""


class Trusting:
    """Takes the messages of a catalog at their word."""

    def __init__(self, catalog: Catalog) -> None:
        bare = _bare(dict(catalog.adapter.core_schema))
        self._take = SchemaValidator(bare, _use_prebuilt=False).validate_json

    def read(self, body: bytes, *, context: object | None = None) -> Envelope:
        """Return the message in these bytes; raises Doubtful where it must be validated."""
        try:
            envelope: Envelope = self._take(body, context=context)
        except ValidationError as error:
            raise Doubtful from error
        if envelope.message_type != envelope.payload.message_type:
            raise Doubtful
        if not envelope.version.startswith(_OURS):
            raise Doubtful
        return envelope


def _bare(schema: Schema) -> Schema:
    """Return a copy of a core schema without its rules."""
    if _is_rule(schema):
        return _bare(schema["schema"])
    copy = rebuilt(schema, _bare)
    if schema.get("type") in _WHOLE:
        return copy
    return {key: value for key, value in copy.items() if key not in _RULES}


def _is_rule(schema: dict[str, Any]) -> bool:
    """Whether a schema is a model and a rule between its fields, which asks nothing else."""
    return (
        schema.get("type") == "function-after"
        and schema["function"]["type"] == "no-info"
        and schema["schema"].get("type") in {"model", "function-after"}
        and _innermost(schema) == "model"
    )


def _innermost(schema: dict[str, Any]) -> str:
    while schema.get("type") == "function-after":
        schema = schema["schema"]
    return str(schema.get("type"))
