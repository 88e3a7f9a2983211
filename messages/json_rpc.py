"""The same messages in JSON-RPC 2.0: `method` is the message type, `params` the payload. Pure.

What an envelope knows and JSON-RPC has no word for stands in a member `leveret` beside `params`:
`reply_to`, `ttl`, `target_agent`, `correlation_id`, `source_agent`, `version`, `timestamp`. A
client that knows nothing of it leaves it out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid4, uuid5

import orjson
from pydantic_core import from_json

from messages.agents import AgentMetadata, AgentRole
from messages.answers import encode
from messages.catalog import refusal_of
from messages.codes import ErrorCode
from messages.errors import FieldError, InvalidMessage
from messages.places import path_of
from messages.salvage import Salvage
from messages.shipped import TaskRequestPayload
from messages.streams import BrokenStream, members
from messages.strictness import refuse_unfit
from messages.tasks import normalize_task_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from messages.catalog import Catalog
    from messages.envelope import Envelope
    from messages.payload import Payload

CONTENT_TYPE: Final = "application/json-rpc"
#: What nearly everybody says, and needs no closer look.
_SILENT: Final = frozenset({None, "application/json"})
VERSION: Final = "2.0"
#: The member that carries what JSON-RPC has no word for.
EXTRA: Final = "leveret"
FACTS: Final = (
    "reply_to",
    "ttl",
    "target_agent",
    "correlation_id",
    "source_agent",
    "version",
    "timestamp",
)
_MEMBERS: Final = frozenset({"jsonrpc", "method", "params", "id", EXTRA})
#: Requests in one batch: each may cost a dead letter, so a small body must not cost a million.
MOST_CALLS: Final = 1_000
#: `task_request.echo` with the task's parameters as `params`: the short way to ask for a task.
SHORT: Final = TaskRequestPayload.message_type_name() + "."
#: A body too broken to be parsed is still JSON-RPC if it begins like it.
_BEGINS: Final = re.compile(rb'[ \t\r\n]*\[?[ \t\r\n]*\{[ \t\r\n]*"jsonrpc"[ \t\r\n]*:')
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: Ids of calls that name none of the right form, made from what the sender did say.
_IDS: Final = uuid5(NAMESPACE_URL, "leveret:json-rpc")


class Call(NamedTuple):
    """One request as it came, understood or refused."""

    #: Any string, number or null: it goes back as it came.
    id: object = None
    #: Nobody waits for an answer, not even for an error.
    notification: bool = False
    method: str = ""
    params: dict[str, Any] | list[Any] | None = None
    facts: dict[str, Any] = {}
    #: Why it is no request; None for one.
    refusal: InvalidMessage | None = None

    @property
    def short(self) -> bool:
        """Whether it asks for a task by `task_request.<task type>`."""
        return self.method.startswith(SHORT)

    @property
    def told(self) -> str | None:
        """The id as text, where it can serve as a correlation id."""
        if isinstance(self.id, bool) or not isinstance(self.id, str | int | float):
            return None
        text = str(self.id)
        return text if text.isprintable() and 0 < len(text.encode()) <= 255 else None  # noqa: PLR2004 - AMQP's short string


#: What could not be read, so that nobody knows whether it wanted an answer: it gets one.
UNREADABLE: Final = Call()


def begins_like_json_rpc(content_type: str | None, body: bytes) -> bool:
    """Whether a body that must not or cannot be parsed is meant as JSON-RPC."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    return kind == CONTENT_TYPE or _BEGINS.match(body) is not None


def is_json_rpc(content_type: str | None, body: bytes) -> bool:
    """Whether a message is in JSON-RPC: it says so, or its top level has `jsonrpc`."""
    if content_type not in _SILENT and begins_like_json_rpc(content_type, b""):
        return True
    if b'"jsonrpc"' not in body:
        return False
    try:
        document = from_json(body)
    except ValueError:
        return begins_like_json_rpc(None, body)
    several = document if isinstance(document, list) else [document]
    return any(isinstance(one, dict) and "jsonrpc" in one for one in several)


def split_batch(body: bytes) -> tuple[bytes, ...] | None:
    """Return each request of a batch, byte for byte; None for what is no array, or is broken.

    Raises InvalidMessage for an empty array and for one that is too long.
    """
    if not body.lstrip(b" \t\r\n").startswith(b"["):
        return None
    try:
        from_json(body)
        several = tuple(members([body], longest=len(body)))
    except (ValueError, BrokenStream):
        return None  # read as one call, which says what is wrong
    if not several:
        raise _refused("an empty batch asks for nothing; send at least one request")
    if len(several) > MOST_CALLS:
        raise _refused(f"the batch has {len(several)} requests, {MOST_CALLS} are taken; split it")
    return several


def read_call(body: bytes) -> Call:
    """Return the request in these bytes; what is wrong with it stands in `refusal`."""
    try:
        refuse_unfit(body)
        document = from_json(body, allow_inf_nan=False)
    except (ValueError, RecursionError) as unfit:
        invalid = refusal_of(body, unfit)
        if invalid.code is ErrorCode.INVALID_JSON:
            return Call(refusal=invalid)
        return Call(refusal=_refused(invalid.reason, *invalid.errors))
    if not isinstance(document, dict):
        return Call(refusal=_refused("a request is an object with jsonrpc, method, params and id"))
    return _read(document)


def _read(document: dict[str, Any]) -> Call:
    call_id = document.get("id")
    if isinstance(call_id, bool | list | dict):
        error = _error(("id",), "id_type", "an id is a string, a number or null")
        return Call(refusal=_refused("the id is neither a string nor a number", error))
    method, params, facts = (document.get(name) for name in ("method", "params", EXTRA))
    errors = []
    if document.get("jsonrpc") != VERSION:
        errors.append(_error(("jsonrpc",), "json_rpc_version", 'must be "2.0"'))
    if not isinstance(method, str) or not method:
        errors.append(_error(("method",), "method_type", "must be the message type, as a string"))
    if "params" in document and not isinstance(params, dict | list):
        errors.append(_error(("params",), "params_type", "must be an object or an array"))
    if EXTRA in document and not isinstance(facts, dict):
        errors.append(_error((EXTRA,), "dict_type", "must be an object"))
    else:
        facts = facts or {}
        errors += [_unknown(EXTRA, name) for name in sorted(facts.keys() - set(FACTS))]
    errors += [_unknown(name) for name in sorted(document.keys() - _MEMBERS)]
    if errors:
        first = f"{errors[0].field_path}: {errors[0].message}"
        refusal = _refused(f"this is no JSON-RPC 2.0 request: {first}", *errors)
        return Call(call_id, facts=facts if isinstance(facts, dict) else {}, refusal=refusal)
    return Call(call_id, "id" not in document, method, params, facts)  # type: ignore[arg-type] # checked above


# -- a call as a message --


class Reader(NamedTuple):
    """What turns calls into messages."""

    catalog: Catalog
    #: `catalog.decode`, or the same with a context.
    decode: Callable[[bytes], Envelope]
    #: Something that tells this call from all others and stays with it when it is tried again.
    mark: str | None = None
    sender_id: str = "json-rpc"


def decode_call(call: Call, reader: Reader) -> Envelope:
    """Return the message a call stands for; raises InvalidMessage, with places as in an envelope.

    `told_at` translates those places.
    """
    if call.refusal is not None:
        raise call.refusal
    envelope_id = _envelope_id(call, reader.mark)
    document: dict[str, Any] = {
        "envelope_id": envelope_id,
        "source_agent": _stranger(reader.sender_id),
        **call.facts,
    }
    if call.short:
        message_type = SHORT[:-1]
        content: dict[str, Any] = {"request": _short_task(call, envelope_id)}
    else:
        message_type = call.method
        content = _named(call, reader.catalog.payload_type(message_type))
    document["message_type"] = message_type
    document["payload"] = {**content, "message_type": message_type}
    return reader.decode(orjson.dumps(document))


def _envelope_id(call: Call, mark: str | None) -> str:
    if isinstance(call.id, str) and _UUID.fullmatch(call.id):
        return call.id.lower()
    if mark is None:
        return str(uuid4())
    return str(uuid5(_IDS, f"{mark}\n{call.method}\n{type(call.id).__name__}\n{call.id}"))


def _short_task(call: Call, task_id: str) -> dict[str, Any]:
    task_type = normalize_task_type(call.method.removeprefix(SHORT))
    if task_type is None:
        reason = "no task is called that: a task type is 1 to 100 letters, digits, '_' or '-'"
        raise InvalidMessage(ErrorCode.UNKNOWN_TASK_TYPE, reason)
    if isinstance(call.params, list):
        raise _misfit(("params",), "by_name", "a task takes its parameters by name, as an object")
    return {"task_id": task_id, "task_type": task_type, "parameters": call.params or {}}


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
            raise _misfit(("params",), "too_long", f"at most {len(names)} parameters are taken")
        return dict(zip(names, params, strict=False))
    if params and "message_type" in params:
        raise _misfit(("params", "message_type"), "extra_forbidden", "the method says it already")
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
    )


# -- what is wrong, where the sender wrote it --


def told_at(call: Call, invalid: InvalidMessage, model: type[Payload] | None) -> InvalidMessage:
    """Return the refusal with its places as they are in the call: `params…`, `leveret…`."""
    if invalid is call.refusal or not invalid.errors:
        return invalid
    if invalid.code is ErrorCode.UNKNOWN_MESSAGE_TYPE:
        return InvalidMessage(invalid.code, "no method of that name is known here")
    errors = tuple(_moved(call, error, model) for error in invalid.errors)
    reason = invalid.reason
    if invalid.code in {ErrorCode.INVALID_PAYLOAD, ErrorCode.INVALID_ENVELOPE}:
        count = invalid.error_count
        more = "" if count <= 1 else f" (and {count - 1} more)"
        reason = f"the call does not fit: {errors[0].field_path}: {errors[0].message}{more}"
    return InvalidMessage(
        invalid.code,
        reason,
        errors,
        error_count=invalid.error_count,
        salvage=invalid.salvage,
    )


def _moved(call: Call, error: FieldError, model: type[Payload] | None) -> FieldError:
    task = "payload.request.parameters"
    if error.field_path == "params" or error.field_path.startswith("params."):
        return error
    if call.short and (error.field_path + ".").startswith(task + "."):
        return error._replace(
            field_path="params" + error.field_path[len(task) :],
            pointer="/params" + error.pointer[len(task) + 1 :],
        )
    if error.field_path == "payload" or error.field_path.startswith("payload."):
        path, pointer = error.field_path[len("payload") :], error.pointer[len("/payload") :]
        if isinstance(call.params, list) and model is not None and path:
            names = positions(model)
            name, dot, deeper = path[1:].partition(".")
            if name in names:
                at = names.index(name)
                deeper_pointer = pointer[len(name) + 1 :]
                return error._replace(
                    field_path=f"params.{at}{dot}{deeper}", pointer=f"/params/{at}{deeper_pointer}"
                )
        return error._replace(field_path="params" + path, pointer="/params" + pointer)
    return error._replace(
        field_path=f"{EXTRA}.{error.field_path}", pointer=f"/{EXTRA}{error.pointer}"
    )


# -- the other direction --


def to_json_rpc(envelope: Envelope) -> dict[str, Any]:
    """Return a message as a JSON-RPC request of plain JSON values; its id is the envelope's."""
    document: dict[str, Any] = orjson.loads(encode(envelope))
    params = document["payload"]
    del params["message_type"]
    return {
        "jsonrpc": VERSION,
        "method": document["message_type"],
        "params": params,
        "id": document["envelope_id"],
        EXTRA: {name: document[name] for name in FACTS if document[name] is not None},
    }


def from_json_rpc(request: dict[str, Any], catalog: Catalog) -> Envelope:
    """Return the message of a JSON-RPC request; raises InvalidMessage, telling places in it."""
    try:
        body = orjson.dumps(request)
    except (TypeError, orjson.JSONEncodeError):
        raise _refused("a value in it is no JSON") from None
    call = read_call(body)
    try:
        return decode_call(call, Reader(catalog, catalog.decode))
    except InvalidMessage as invalid:
        raise told_at(call, invalid, catalog.payload_type(call.method)) from invalid


def _stranger(agent_id: str) -> dict[str, Any]:
    """Return the agent that a client is who does not say who it is."""
    return AgentMetadata(
        agent_id=agent_id,
        role=AgentRole.GATEWAY,
        capabilities=("request_routing", "load_balancing"),
        load_factor=0.0,
    ).model_dump(mode="json")


def _error(place: tuple[str, ...], kind: str, message: str) -> FieldError:
    return FieldError(*path_of(place), kind, message)


def _unknown(*place: str) -> FieldError:
    return _error(place, "extra_forbidden", "this member is not known here; leave it out")


def _refused(reason: str, *errors: FieldError) -> InvalidMessage:
    return InvalidMessage(ErrorCode.INVALID_ENVELOPE, reason, errors)


def _misfit(place: tuple[str, ...], kind: str, message: str) -> InvalidMessage:
    error = _error(place, kind, message)
    reason = f"the call does not fit: {error.field_path}: {message}"
    return InvalidMessage(ErrorCode.INVALID_PAYLOAD, reason, (error,))
