"""JSON Schema 2020-12 of messages: what a client in any language needs to know. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from pydantic import TypeAdapter, create_model

from messages.envelope import Envelope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from messages.payload import Payload

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


class Typed(NamedTuple):
    """What one task type takes and gives; None where its processor does not say."""

    parameters: TypeAdapter[Any]
    result: TypeAdapter[Any] | None = None


def envelope_of(payload: type[Payload]) -> type[Envelope]:
    """Return the envelope that holds this payload and no other."""
    name = payload.message_type_name()
    return create_model(
        f"{payload.__name__.removesuffix('Payload')}Message",
        __base__=Envelope,
        __doc__=f"A whole message of type {name}.",
        message_type=(Literal[name], ...),  # type: ignore[arg-type] # a name known at run time
        payload=(payload, ...),
    )


def message_schemas(
    payloads: Iterable[type[Payload]],
    tasks: Mapping[str, Typed],
) -> Schema:
    """Return one document: valid is what is a message of one of these types.

    Its member `messages` names the definition of each message type, `tasks` those of each task
    type's `parameters` and `result`.
    """
    inputs: list[tuple[tuple[str, str], Literal["validation", "serialization"], Any]] = [
        (("message", payload.message_type_name()), "validation", TypeAdapter(envelope_of(payload)))
        for payload in payloads
    ]
    for task, typed in tasks.items():
        inputs.append((("parameters", task), "validation", typed.parameters))
        if typed.result is not None:
            inputs.append((("result", task), "serialization", typed.result))
    found, shared = TypeAdapter.json_schemas(inputs)
    definitions: Schema = _plain(shared.get("$defs", {}))
    for definition in definitions.values():
        _discriminated(definition)
    places = {}
    for (key, _mode), schema in found.items():
        what, name = key
        places[what, name] = _place(definitions, f"{what}.{name}", _plain(schema))
    messages = {name: at for (what, name), at in places.items() if what == "message"}
    return {
        "$schema": DIALECT,
        "title": "Messages",
        "oneOf": [{"$ref": at} for at in messages.values()],
        "messages": messages,
        "tasks": {
            task: {
                what: places[what, task]
                for what in ("parameters", "result")
                if (what, task) in places
            }
            for task in tasks
        },
        "$defs": dict(sorted(definitions.items())),
    }


def _discriminated(schema: Schema) -> None:
    """Say that a payload's type must be there: our models fill it in, the wire does not."""
    kind = schema.get("properties", {}).get("message_type", {})
    if "const" not in kind:
        return
    kind.pop("default", None)
    needed = [name for name in schema.get("required", ()) if name != "message_type"]
    schema["required"] = ["message_type", *needed]


def _place(definitions: Schema, name: str, schema: Schema) -> str:
    """Return a reference to a schema, which is put among the definitions where it is none yet."""
    if set(schema) == {"$ref"}:
        return str(schema["$ref"])
    definitions[name] = schema
    return f"#/$defs/{name}"


def _plain(schema: Any) -> Any:
    """Return the schema without OpenAPI's own `discriminator`, which JSON Schema does not know."""
    if isinstance(schema, dict):
        return {
            key: _plain(value)
            for key, value in schema.items()
            if not (key == "discriminator" and isinstance(value, dict) and "propertyName" in value)
        }
    if isinstance(schema, list):
        return [_plain(value) for value in schema]
    return schema


# -- examples --

#: Examples of texts by their format, where a schema asks for one.
_FORMATS: Final = {
    "uuid": "3f2b6c1e-8a4d-4f6b-9c0e-5d7a1b2c3d4e",
    "date-time": "2030-01-01T12:00:00Z",
    "date": "2030-01-01",
    "time": "12:00:00",
    "duration": "PT1S",
    "uri": "https://example.org/",
    "email": "hare@example.org",
}
#: Examples by the name of a field, where no schema could say what makes sense.
_NAMED: Final[dict[str, Any]] = {
    "agent_id": "client-1",
    "role": "worker",
    "capabilities": ["task_execution"],
    "load_factor": 0.5,
    "reply_to": "agent://client-1/answers",
    "version": "1.0.0",
    "task_type": "echo",
    "ttl": 30,
    "target_agent": "worker-1",
    "callback_url": "https://example.org/done",
    "budget": "10.00",
    "url": "https://example.org/hare.jpg",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
_DEEPEST: Final = 12


def example(schema: Any, definitions: Mapping[str, Any], name: str = "", deep: int = 0) -> Any:
    """Return a small value that fits a schema as far as schemas can tell; required fields only.

    Only who validates it knows: a model may have rules that no schema shows.
    """
    if not isinstance(schema, dict) or deep > _DEEPEST:
        return {}
    if "$ref" in schema:
        return example(definitions[schema["$ref"].rpartition("/")[2]], definitions, name, deep + 1)
    for key in ("const", "default"):
        if key in schema and (key == "const" or name not in _NAMED):
            return schema[key]
    if schema.get("examples"):
        return schema["examples"][0]
    if name in _NAMED:
        return _NAMED[name]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return example(schema[key][0], definitions, name, deep + 1)
    return _of_type(schema, definitions, name, deep)


def _of_type(schema: Schema, definitions: Mapping[str, Any], name: str, deep: int) -> Any:
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            return {
                key: example(fields.get(key, {}), definitions, key, deep + 1)
                for key in schema.get("required", ())
            }
        case "array":
            places = schema.get("prefixItems")
            if places is None:
                places = [schema.get("items", {})] * max(schema.get("minItems", 0), 1)
            return [example(one, definitions, "", deep + 1) for one in places]
        case "integer" | "number":
            least: Any = schema.get("minimum", schema.get("exclusiveMinimum", 0))
            return least + ("exclusiveMinimum" in schema) or 1
        case "boolean":
            return True
        case "null":
            return None
        case _:
            text = _FORMATS.get(schema.get("format", ""), name.replace("_", " ") or "text")
            return text + "x" * (schema.get("minLength", 0) - len(text))
