"""A registry as an AsyncAPI 3 document: channels, operations, replies, examples. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from pydantic import TypeAdapter

from messages import (
    Catalog,
    ErrorPayload,
    InvalidMessage,
    Payload,
    SecurityLevel,
    TaskResponsePayload,
    ValidationContext,
)
from messages.schemas import Typed, example, message_schemas
from workers.request import TASK

if TYPE_CHECKING:
    from topology import Names
    from workers.registry import Registry, Route

VERSION: Final = "3.0.0"
#: What the schemas are written in, as AsyncAPI spells it.
SCHEMA_FORMAT: Final = "application/schema+json;version=draft-2020-12"
_HERE: Final = "#/components/schemas/"

#: Where an example would be: a document is only valid in a place with a security level.
_PUBLIC: Final = ValidationContext(security_level=SecurityLevel.PUBLIC)

Document = dict[str, Any]


def whole_catalog(registry: Registry) -> Catalog:
    """Return what is taken and what is answered: answers need no processor to be described."""
    known = registry.catalog()
    taken = [known.payload_type(name) for name in known.message_types]
    given = [route.result for route in registry.routes]
    payloads = [
        one for one in (*taken, *given) if isinstance(one, type) and issubclass(one, Payload)
    ]
    return Catalog(dict.fromkeys(payloads))


def schemas_of(registry: Registry) -> Document:
    """Return JSON Schema 2020-12 of every message type and task type of a registry."""
    catalog = whole_catalog(registry)
    payloads = [catalog.payload_type(name) for name in catalog.message_types]
    tasks = {
        route.task_type: Typed(route.parameters, _adapter(route.result))
        for route in sorted(registry.routes, key=lambda route: route.task_type)
        if route.parameters is not None
    }
    return message_schemas([payload for payload in payloads if payload is not None], tasks)


def asyncapi_of(registry: Registry, names: Names, *, version: str) -> Document:
    """Return the AsyncAPI 3 document of a worker that runs this registry."""
    return _Writer(registry, names).document(version)


def _adapter(result: type | None) -> TypeAdapter[Any] | None:
    if result is None or result is type(None) or issubclass(result, Payload):
        return None
    return TypeAdapter(result)


class _Writer:
    def __init__(self, registry: Registry, names: Names) -> None:
        self._registry = registry
        self._names = names
        self._catalog = whole_catalog(registry)
        self._schemas = schemas_of(registry)
        self._definitions: Document = self._schemas["$defs"]

    def document(self, version: str) -> Document:
        channels: Document = {
            "replies": {
                "address": None,
                "title": "Answers",
                "description": "Where the request's reply_to says: agent://<id>/<mailbox>, a "
                "queue's name, or amq.rabbitmq.reply-to.",
                "messages": {
                    name: {"$ref": f"#/components/messages/{name}"} for name in self._answers()
                },
            }
        }
        operations: Document = {}
        for route in self._registry.routes:
            name = f"{TASK}.{route.task_type}" if route.task_type else route.message_type
            channels[name] = self._channel(route, name)
            operations[f"do.{name}"] = self._operation(route, name)
        return {
            "asyncapi": VERSION,
            "info": {
                "title": "leveret worker",
                "version": version,
                "description": "Each request comes to exactly one visible end: an answer, or a "
                "dead letter that says why.",
            },
            "defaultContentType": "application/json",
            "channels": channels,
            "operations": operations,
            "components": {
                "messages": self._messages(),
                "schemas": {
                    name: {"schemaFormat": SCHEMA_FORMAT, "schema": _moved(schema)}
                    for name, schema in self._definitions.items()
                },
                "correlationIds": {
                    "request": {
                        "description": "What the answer's correlation_id will be where the "
                        "request has no correlation_id of its own.",
                        "location": "$message.payload#/envelope_id",
                    },
                    "answer": {"location": "$message.payload#/correlation_id"},
                },
            },
        }

    # -- parts --

    def _channel(self, route: Route, name: str) -> Document:
        return {
            "address": name,
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
            "bindings": {
                "amqp": {
                    "is": "routingKey",
                    "exchange": {
                        "name": self._names.requests,
                        "type": "topic",
                        "durable": True,
                        "autoDelete": False,
                    },
                    "bindingVersion": "0.3.0",
                }
            },
            "description": _about(route),
        }

    def _operation(self, route: Route, name: str) -> Document:
        answer = self._answer(route)
        return {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
            "summary": _about(route),
            "reply": {
                "address": {
                    "description": "The AMQP property reply_to stands in where there is none.",
                    "location": "$message.payload#/reply_to",
                },
                "channel": {"$ref": "#/channels/replies"},
                "messages": [
                    {"$ref": f"#/channels/replies/messages/{one}"}
                    for one in dict.fromkeys((answer, ErrorPayload.message_type_name()))
                ],
            },
        }

    def _answer(self, route: Route) -> str:
        result = route.result
        if result is not None and issubclass(result, Payload):
            return result.message_type_name()
        return TaskResponsePayload.message_type_name()

    def _answers(self) -> list[str]:
        named = {self._answer(route) for route in self._registry.routes}
        return sorted(named | {ErrorPayload.message_type_name()})

    def _messages(self) -> Document:
        told: Document = {}
        for name, place in self._schemas["messages"].items():
            told[name] = self._message(name, {"$ref": place}, {})
        for task in self._schemas["tasks"]:
            place = self._schemas["tasks"][task]["parameters"]
            request = {"properties": {"task_type": {"const": task}, "parameters": {"$ref": place}}}
            narrower = {"properties": {"payload": {"properties": {"request": request}}}}
            schema = {"allOf": [{"$ref": self._schemas["messages"][TASK]}, narrower]}
            asked = {
                "request": {
                    "task_type": task,
                    "parameters": example({"$ref": place}, self._definitions),
                }
            }
            told[f"{TASK}.{task}"] = self._message(f"{TASK}.{task}", schema, asked)
        return told

    def _message(self, name: str, schema: Document, asked: Document) -> Document:
        answer = name in self._answers()
        whole: Document = {
            "name": name,
            "title": name.replace("_", " "),
            "contentType": "application/json",
            "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": _moved(schema)},
            "correlationId": {
                "$ref": f"#/components/correlationIds/{'answer' if answer else 'request'}"
            },
        }
        shown = self._example(name, asked)
        if shown is not None:
            whole["examples"] = [{"name": "smallest", "payload": shown}]
        return whole

    def _example(self, name: str, asked: Document) -> Document | None:
        """Return a message that is truly valid, or None where schemas cannot say how one looks."""
        message_type = name.partition(".")[0]
        place = self._schemas["messages"][message_type]
        found = example({"$ref": place}, self._definitions)
        found["envelope_id"] = "3f2b6c1e-8a4d-4f6b-9c0e-5d7a1b2c3d4e"
        if not message_type.startswith(("task_response", "error")):
            found["reply_to"] = "agent://client-1/answers"
        found["payload"] |= asked
        try:
            context = _PUBLIC._replace(known=self._registry.known)
            self._catalog.decode(orjson.dumps(found), context=context)
        except InvalidMessage:
            return None
        return dict(found)


def _about(route: Route) -> str:
    text = (route.process.__doc__ or "").strip().partition("\n")[0]
    return text or f"Do what a {route.task_type or route.message_type} asks."


def _moved(schema: Any) -> Any:
    """Return a schema whose references point at where AsyncAPI keeps them."""
    if isinstance(schema, dict):
        return {
            key: f"{_HERE}{value.rpartition('/')[2]}/schema"
            if key == "$ref" and isinstance(value, str)
            else _moved(value)
            for key, value in schema.items()
        }
    return [_moved(one) for one in schema] if isinstance(schema, list) else schema
