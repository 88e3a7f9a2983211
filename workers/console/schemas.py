"""JSON Schema → rows that people read, and an example that they can start from. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: How deep rows and examples follow objects; a model may hold itself.
DEEPEST: Final = 5
#: Keywords that say what a value must be, and how they are told.
_RULES: Final = {
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "exclusiveMinimum": "> {}",
    "exclusiveMaximum": "< {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "pattern": "like {}",
}
#: An example for each format that shows in schemas.
_FORMATS: Final = {
    "uuid": "00000000-0000-4000-8000-000000000001",
    "date-time": "2030-01-01T12:00:00Z",
    "date": "2030-01-01",
    "time": "12:00:00Z",
    "uri": "https://example.org/",
    "email": "someone@example.org",
    "binary": "",
}


class Field(NamedTuple):
    """One field of a message."""

    depth: int
    name: str
    type: str
    required: bool
    rule: str
    about: str


def fields(schema: Mapping[str, Any]) -> tuple[Field, ...]:
    """Return a row for each field, those of nested objects below their own."""
    return tuple(_fields(schema, schema.get("$defs", {}), 0))


def example(schema: Mapping[str, Any]) -> Any:
    """Return a value that fits, as far as a schema can say what fits."""
    return _example(schema, schema.get("$defs", {}), 0)


def _fields(schema: Mapping[str, Any], known: Mapping[str, Any], depth: int) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, one in schema.get("properties", {}).items():
        whole = _resolved(one, known)
        yield Field(depth, name, _type(one, known), name in required, _rule(whole), _about(whole))
        inner = _inner(whole, known)
        if inner and depth < DEEPEST:
            yield from _fields(inner, known, depth + 1)


def _resolved(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a reference stands for, what stands beside it included; null is left out."""
    seen = 0
    while seen < DEEPEST and ("$ref" in schema or "anyOf" in schema or "allOf" in schema):
        seen += 1
        beside = {key: value for key, value in schema.items() if key not in _JOINS}
        if "$ref" in schema:
            schema = {**known.get(str(schema["$ref"]).rpartition("/")[2], {}), **beside}
            continue
        choices = [
            one for one in schema.get("anyOf", schema.get("allOf", ())) if one.get("type") != "null"
        ]
        schema = {**(choices[0] if choices else {}), **beside}
    return schema


_JOINS: Final = frozenset({"$ref", "anyOf", "allOf"})


def _inner(whole: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the object whose fields belong below this one: itself, or what a list holds."""
    if whole.get("type") == "array":
        whole = _resolved(whole.get("items", {}), known)
    return whole if whole.get("properties") else None


def _type(schema: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    choices = schema.get("anyOf")
    if choices:
        return " or ".join(dict.fromkeys(_type(one, known) for one in choices))
    whole = _resolved(schema, known)
    if "const" in whole:
        return repr(whole["const"]).replace("'", '"')
    if "enum" in whole:
        return " or ".join(str(one) for one in whole["enum"])
    kind = str(whole.get("format") or whole.get("type") or "anything")
    if kind == "array":
        return f"list of {_type(whole.get('items', {}), known)}"
    return kind


def _rule(whole: Mapping[str, Any]) -> str:
    told = [text.format(whole[key]) for key, text in _RULES.items() if key in whole]
    if whole.get("default") is not None and "const" not in whole:
        told.append(f"default {whole['default']}")
    return ", ".join(told)


def _about(whole: Mapping[str, Any]) -> str:
    # The description of a nested model is its docstring: the first line says enough.
    return str(whole.get("description", "")).partition("\n")[0]


def _example(schema: Mapping[str, Any], known: Mapping[str, Any], depth: int) -> Any:
    whole = _resolved(schema, known)
    told = [whole[key] for key in ("const", "default") if whole.get(key) is not None]
    told += [whole[key][0] for key in ("examples", "enum") if whole.get(key)]
    if told:
        return told[0]
    if depth > DEEPEST:
        return None
    match whole.get("type"):
        case "object":
            return _object(whole, known, depth)
        case "array":
            some = max(1, int(whole.get("minItems", 1)))
            return [_example(whole.get("items", {}), known, depth + 1) for _ in range(some)]
        case "string":
            return _text(whole)
        case "boolean":
            return False
        case "integer" | "number":
            return _number(whole)
    return None


def _object(whole: Mapping[str, Any], known: Mapping[str, Any], depth: int) -> dict[str, Any]:
    required = whole.get("required", ())
    return {
        name: _example(one, known, depth + 1)
        for name, one in whole.get("properties", {}).items()
        if name in required or _telling(one, known)
    }


def _telling(schema: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether an optional field makes an example clearer: its default says what it is about."""
    whole = _resolved(schema, known)
    return "const" in whole or whole.get("default") not in (None, {}, [], "")


def _number(whole: Mapping[str, Any]) -> float:
    low = whole.get("minimum", whole.get("exclusiveMinimum"))
    high = whole.get("maximum", whole.get("exclusiveMaximum"))
    if low is None:
        return 1 if high is None or high > 1 else high - 1
    least: float = low + 1 if "exclusiveMinimum" in whole else low
    return least


def _text(whole: Mapping[str, Any]) -> str:
    form = str(whole.get("format", ""))
    if form in _FORMATS:
        return _FORMATS[form]
    least = int(whole.get("minLength", 0))
    most = whole.get("maxLength")
    return "example".ljust(least, "x")[: most if most is None else int(most)]
