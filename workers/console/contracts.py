"""Every type a message may have: its schema, an example, what works on it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import orjson

from messages import (
    AgentMetadata,
    AgentRole,
    BatchPayload,
    CompactMessage,
    ErrorPayload,
    HeartbeatPayload,
    Payload,
    TaskRequestPayload,
)
from topology import Names
from workers.console.schemas import example, fields
from workers.outcome import Delivery, Properties
from workers.pipeline import Pipeline
from workers.policy import policy_of
from workers.presence.heartbeat import describe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from messages import Catalog
    from workers.console.schemas import Field
    from workers.outcome import Failure
    from workers.registry import Limits, Registry, Route
    from workers.settings import Settings

_TASK: Final = TaskRequestPayload.message_type_name()
_ASKER: Final = AgentMetadata(
    agent_id="console",
    role=AgentRole.GATEWAY,
    capabilities=("request_routing", "load_balancing"),
    load_factor=0.0,
)
#: Where an answer could go, to judge a message by; the real address is made when it is sent.
_SOMEWHERE: Final = "agent://console/answers"
#: Examples of shipped payloads whose rules no schema tells.
_SHIPPED: Final[dict[type[Payload], Payload]] = {
    HeartbeatPayload: HeartbeatPayload(agent_status=_ASKER, metrics={"in_flight": 0}),
    ErrorPayload: ErrorPayload(error_code="rejected", error_message="wider than 8000 px"),
    BatchPayload: BatchPayload(
        batch_id=1,
        count=1,
        messages=[CompactMessage(msg_id=1, msg_type="req", payload={"text": "example"})],
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One type of message, or one type of task."""

    message_type: str
    #: Empty for a whole payload.
    task_type: str
    about: str
    schema: Mapping[str, Any]
    fields: tuple[Field, ...]
    #: The payload, as JSON that people can edit.
    example: str
    #: What works on it, and within which limits; None where nothing here does.
    processor: str | None
    limits: Limits | None

    @property
    def name(self) -> str:
        """What it is called on the page."""
        return self.task_type or self.message_type

    @property
    def address(self) -> str:
        """The page's path."""
        tail = f"/{self.task_type}" if self.task_type else ""
        return f"/contracts/{self.message_type}{tail}"


class Contracts:
    """All contracts of a registry."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._registry = registry
        self._names = Names(settings.prefix)
        self._group = settings.group
        url = settings.amqp_url
        self._user = (urlsplit(url.get_secret_value()).username if url else None) or "guest"
        policy = policy_of(settings, describe(settings, registry, load_factor=0.0), user=self._user)
        self._pipeline = Pipeline(registry, policy)
        self.catalog: Catalog = registry.catalog()
        tasks = [self._task(route) for route in registry.routes if route.task_type]
        whole = [self._whole(name) for name in self.catalog.message_types]
        #: Tasks first: they are what people come for.
        self.all: tuple[Contract, ...] = (*sorted(tasks, key=lambda one: one.name), *whole)
        self._by_name = {(one.message_type, one.task_type): one for one in self.all}

    def find(self, message_type: str, task_type: str = "") -> Contract | None:
        """Return a contract, or None."""
        return self._by_name.get((message_type, task_type))

    def foreseen(self, body: bytes) -> Failure | None:
        """Return what a worker with these processors would refuse the message for, or None."""
        properties = Properties(reply_to=_SOMEWHERE, timestamp=int(time()), user_id=self._user)
        return self._pipeline.foresee(
            Delivery(body, properties, self._names.requests, "", self._names.work(self._group))
        )

    def envelope(self, payload: object, message_type: str, *, agent_id: str) -> bytes:
        """Return a payload, as it was typed, in an envelope of the console's."""
        source = _ASKER.model_copy(update={"agent_id": agent_id})
        return orjson.dumps(
            {
                "envelope_id": str(uuid4()),
                "message_type": message_type,
                "source_agent": source.model_dump(mode="json"),
                "payload": payload,
            }
        )

    def _task(self, route: Route) -> Contract:
        schema = route.parameters.json_schema() if route.parameters else {}
        payload = {
            "message_type": _TASK,
            "request": {"task_type": route.task_type, "parameters": example(schema)},
        }
        return Contract(
            message_type=_TASK,
            task_type=route.task_type,
            about=_about(route.process),
            schema=schema,
            fields=fields(schema),
            example=_json(payload),
            processor=_name(route.process),
            limits=route.limits,
        )

    def _whole(self, name: str) -> Contract:
        model = self.catalog.payload_type(name) or Payload
        schema = model.model_json_schema()
        route = self._registry.route(name)
        shipped = _SHIPPED.get(model)
        made = shipped.model_dump(mode="json") if shipped else example(schema)
        return Contract(
            message_type=name,
            task_type="",
            about=_about(model),
            schema=schema,
            fields=fields(schema),
            example=_json({"message_type": name, **made}),
            processor=_name(route.process) if route else None,
            limits=route.limits if route else None,
        )


def _about(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ")


def _name(process: object) -> str:
    return f"{getattr(process, '__module__', '?')}.{getattr(process, '__qualname__', '?')}"


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
