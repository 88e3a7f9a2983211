"""A call to the message it stands for, through the same decoder that reads envelopes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import orjson

from messages.agents import AgentMetadata, AgentRole
from messages.codes import ErrorCode
from messages.errors import InvalidMessage
from messages.json_rpc.call import SHORT
from messages.json_rpc.refusals import misfit
from messages.salvage import Salvage
from messages.tasks import normalize_task_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from messages.catalog import Catalog
    from messages.envelope import Envelope
    from messages.json_rpc.call import Call
    from messages.payload import Payload

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: Ids of calls that name none of the right form, made from what the sender did say.
_IDS: Final = uuid5(NAMESPACE_URL, "leveret:json-rpc")


class Reader(NamedTuple):
    """What turns calls into messages."""

    catalog: Catalog
    #: `catalog.decode`, or the same with a context.
    decode: Callable[[bytes], Envelope]
    #: Something that tells this call from all others and stays with it when it is tried again;
    #: None gives a call that names no UUID an envelope id that its sender did not choose.
    mark: str | None = None
    sender_id: str = "json-rpc"


def decode_call(call: Call, reader: Reader) -> Envelope:
    """Return the message a call stands for; raises InvalidMessage, with places as in an envelope.

    `told_at` translates those places.
    """
    if call.refusal is not None:
        raise call.refusal
    envelope_id = _envelope_id(call, reader.mark)
    document: dict[str, Any] = {"source_agent": _stranger(reader.sender_id), **call.facts}
    if envelope_id is not None:
        document["envelope_id"] = envelope_id
    if call.short:
        message_type = SHORT[:-1]
        content: dict[str, Any] = {"request": _short_task(call, envelope_id)}
    else:
        message_type = call.method
        content = _named(call, reader.catalog.payload_type(message_type))
    document["message_type"] = message_type
    document["payload"] = {**content, "message_type": message_type}
    return reader.decode(orjson.dumps(document))


def _envelope_id(call: Call, mark: str | None) -> str | None:
    """Return an id that every attempt has; None rather than one that passes for the sender's."""
    if isinstance(call.id, str) and _UUID.fullmatch(call.id):
        return call.id.lower()
    if mark is None:
        return None
    return str(uuid5(_IDS, f"{mark}\n{call.method}\n{type(call.id).__name__}\n{call.id}"))


def _short_task(call: Call, task_id: str | None) -> dict[str, Any]:
    task_type = normalize_task_type(call.method.removeprefix(SHORT))
    if task_type is None:
        reason = "no task is called that: a task type is 1 to 100 letters, digits, '_' or '-'"
        raise InvalidMessage(ErrorCode.UNKNOWN_TASK_TYPE, reason)
    if isinstance(call.params, list):
        raise misfit(("params",), "by_name", "a task takes its parameters by name, as an object")
    named = {} if task_id is None else {"task_id": task_id}
    return {**named, "task_type": task_type, "parameters": call.params or {}}


def _named(call: Call, model: type[Payload] | None) -> dict[str, Any]:
    """Return the parameters by name; positional ones go to the fields in their written order."""
    params = call.params
    if isinstance(params, list):
        if model is None:
            return {}  # refused as an unknown method in a moment
        names = positions(model)
        if model.rest is not None:
            named = dict(zip(names[:-1], params, strict=False))
            return {**named, names[-1]: params[len(names) - 1 :]}
        if len(params) > len(names):
            raise misfit(("params",), "too_long", f"at most {len(names)} parameters are taken")
        return dict(zip(names, params, strict=False))
    if params and "message_type" in params:
        raise misfit(("params", "message_type"), "extra_forbidden", "the method says it already")
    return params or {}


def positions(model: type[Payload]) -> list[str]:
    """Return a payload's fields in the order in which positional parameters fill them."""
    fields = {name: field.alias or name for name, field in model.model_fields.items()}
    fields.pop("message_type", None)
    last = fields.pop(model.rest) if model.rest is not None else None
    return [*fields.values()] if last is None else [*fields.values(), last]


def salvage_of(call: Call) -> Salvage:
    """Return what a refused call still tells of its asker."""
    reply_to, agent = call.facts.get("reply_to"), call.facts.get("source_agent")
    sender = agent.get("agent_id") if isinstance(agent, dict) else None
    return Salvage(
        reply_to=reply_to if isinstance(reply_to, str) else None,
        sender_id=sender if isinstance(sender, str) and len(sender) <= 128 else None,  # noqa: PLR2004 - an id's length
        message_type=call.method,
    )


def _stranger(agent_id: str) -> dict[str, Any]:
    """Return the agent that a client is who does not say who it is."""
    return AgentMetadata(
        agent_id=agent_id,
        role=AgentRole.GATEWAY,
        capabilities=("request_routing", "load_balancing"),
        load_factor=0.0,
    ).model_dump(mode="json")
