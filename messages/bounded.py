"""Validates so that a bad message costs little, however many things are wrong with it.

Lists and mappings stop at their first bad entry: fifty thousand errors are otherwise made one by
one only to be thrown away. What a message has in all is counted by a second, thorough validation,
which happens once, when it is already known to be bad, and only where something was left out and it
stays short.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import SchemaValidator

from messages.core_schemas import Recursive, below, in_place, rebuilt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import TypeAdapter

    from messages.core_schemas import Schema

#: Kinds of schema that can stop at their first bad entry.
_MANY: Final = frozenset({"list", "tuple", "set", "frozenset", "dict"})
#: What says nothing about a schema.
_SAYS_NOTHING: Final = frozenset({"type", "metadata"})
#: What a model may say of all texts in it, keys too.
_BOUNDS_ON_TEXTS: Final = frozenset({"str_max_length", "str_min_length"})
#: Errors that a body may be feared to have and is validated a second time, to count them. One takes
#: the library a microsecond or two.
MOST_COUNTED: Final = 120_000
#: Errors of one bad entry, at the most: as many were found before its list was given up. More are
#: not an entry's.
MOST_OF_ONE: Final = 10
#: Errors that are looked at one by one; of more, the first of every list is told.
MOST_READ: Final = 500


class Findings(NamedTuple):
    """What is wrong: the library's rows, and how many there are in all."""

    rows: list[Any]
    total: int
    #: False where there are too many to count: at least `total`.
    exact: bool = True


class Bounded:
    """One type's validators, the quick one for every message and the thorough one for bad ones."""

    def __init__(self, adapter: TypeAdapter[Any]) -> None:
        schema = dict(adapter.core_schema)
        self._thorough = quick = adapter.validator
        with suppress(Recursive):
            # Models inside must be compiled anew, too: their own validators do not stop.
            quick = SchemaValidator(_stopping(in_place(schema)), _use_prebuilt=False)
        self.validate_json = quick.validate_json
        self.validate_python = quick.validate_python
        #: Fields below which a mapping may be refused for an entry; None stands for any field.
        self._mappings = frozenset(_judging(schema, None))

    def findings(
        self, body: bytes, error: ValidationError, context: object | None = None
    ) -> Findings:
        """Return what `error`, from `validate_json(body)`, says and what it left out."""
        found = error.error_count()
        if found <= MOST_READ:
            rows = _rows(error)
            if not any(self._among_many(row["loc"]) for row in rows):
                return Findings(rows, found)
        # Every comma may end an entry, and each may be as bad as the first.
        if body.count(b",") * (found if found <= MOST_OF_ONE else 1) > MOST_COUNTED:
            return Findings(_rows(error), found, exact=False)
        try:
            self._thorough.validate_json(body, context=context)
        except ValidationError as whole:
            count = whole.error_count()
            return Findings(_rows(whole if count <= MOST_READ else error), count)
        return Findings(_rows(error), found)  # a validator that changed its mind

    def _among_many(self, place: tuple[str | int, ...]) -> bool:
        """Whether an error may be of one entry of many, so that others were not looked at."""
        return None in self._mappings or any(
            isinstance(key, int) or key in self._mappings for key in place
        )


def _rows(error: ValidationError) -> list[Any]:
    return error.errors(include_url=False, include_input=False)


def _judging(
    schema: Schema, field: str | None, *, texts: bool = False, made: bool = False
) -> Iterator[str | None]:
    """Yield the names, in error places, of the fields with mappings that look at their entries.

    With `texts` the model around it has bounds for all its texts, keys too; with `made` the value
    may be what a validator made of the JSON.
    """
    kind = schema.get("type")
    if kind == "function-wrap":
        yield None  # what it raises may have lost its place
        return
    if "config" in schema:
        texts = not _BOUNDS_ON_TEXTS.isdisjoint(schema["config"])
    if kind == "dict" and _looks_at_entries(schema, texts=texts or made):
        yield field
    for name, inner in below(schema):
        told = field
        if name:
            # By an alias it may be told in several ways.
            told = None if "validation_alias" in inner else name
        yield from _judging(inner, told, texts=texts, made=made or kind == "function-before")


def _looks_at_entries(schema: Schema, *, texts: bool) -> bool:
    keys, values = schema.get("keys_schema"), schema.get("values_schema")
    if not _takes_all(values, "any"):
        return True
    # The keys of JSON are texts.
    return not (_takes_all(keys, "any") or (_takes_all(keys, "str") and not texts))


def _takes_all(schema: Schema | None, kind: str) -> bool:
    return schema is None or (schema.get("type") == kind and schema.keys() <= _SAYS_NOTHING)


def _stopping(schema: Schema) -> Schema:
    """Return a copy of a core schema in which whatever holds many stops at the first bad one."""
    copy = rebuilt(schema, _stopping)
    if copy.get("type") in _MANY:
        copy["fail_fast"] = True
    return copy
