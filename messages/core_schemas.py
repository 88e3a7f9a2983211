"""Walks pydantic's core schemas: which of their parts are schemas, and which the author's own.

A schema is a mapping with a `type`, and so is each schema in it. But a model's fields and a union's
members are mappings by names that the author chose, `type` among them, and other parts are values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What the library calls a schema.
Schema = dict[str, Any]

#: Parts that are the author's: values, and whatever else.
_NO_SCHEMA: Final = frozenset(
    {
        "cls",
        "config",
        "custom_error_context",
        "default",
        "discriminator",
        "expected",
        "members",
        "metadata",
        "serialization",
    }
)
#: Parts that hold schemas by names of the author's.
_NAMED: Final = frozenset({"fields", "choices"})
#: What has a config of its own, whatever it stands in.
_WITH_CONFIG: Final = frozenset({"model", "dataclass", "typed-dict"})


class Recursive(ValueError):
    """A definition holds itself, so that it cannot stand where it is named."""


def rebuilt(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """Return a copy of a schema in which each schema directly below it was changed."""
    return {key: _part(key, value, change) for key, value in schema.items()}


def _part(key: str, value: Any, change: Callable[[Schema], Schema]) -> Any:
    if key in _NO_SCHEMA:
        return value
    if isinstance(value, dict):
        if key in _NAMED:
            return {name: _part("", one, change) for name, one in value.items()}
        return change(value)
    if isinstance(value, list | tuple):
        return type(value)(_part("", one, change) for one in value)
    return value


def below(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield the schemas directly below one, each with the field it is of; empty for no field."""
    for key, value in schema.items():
        if key not in _NO_SCHEMA:
            yield from _parts(key, value)


def _parts(key: str, value: Any) -> Iterator[tuple[str, Schema]]:
    if isinstance(value, dict):
        if key not in _NAMED:
            yield "", value
        else:
            for name, one in value.items():
                for _, schema in _parts("", one):
                    yield name if key == "fields" else "", schema
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _parts("", one)


def in_place(schema: Schema) -> Schema:
    """Return a schema in which definitions that have no config stand where they are named.

    So they are under the config of the model that they are in, as in that model's own validator;
    elsewhere they would be under none. Raises Recursive where one holds itself.
    """
    if schema.get("type") != "definitions":
        return schema
    known = {one["ref"]: one for one in schema["definitions"] if not _has_config(one)}
    if not known:
        return schema

    def placed(one: Schema, inside: tuple[str, ...]) -> Schema:
        if one.get("type") == "definition-ref" and one["schema_ref"] in known:
            ref = one["schema_ref"]
            if ref in inside:
                raise Recursive(ref)
            named = {key: value for key, value in known[ref].items() if key != "ref"}
            return placed(named, (*inside, ref))
        return rebuilt(one, lambda inner: placed(inner, inside))

    kept = [placed(one, ()) for one in schema["definitions"] if one["ref"] not in known]
    inner = placed(schema["schema"], ())
    return {**schema, "schema": inner, "definitions": kept} if kept else inner


def _has_config(schema: Schema) -> bool:
    """Whether a definition is a model or the like, validators around it included."""
    while schema.get("type") not in _WITH_CONFIG:
        inner = schema.get("schema")
        if not isinstance(inner, dict):
            return False
        schema = inner
    return True
