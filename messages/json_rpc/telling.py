"""What is wrong with a call, told where its sender wrote it: `params…`, `leveret…`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from messages.codes import ErrorCode
from messages.errors import FieldError, InvalidMessage
from messages.json_rpc.call import EXTRA
from messages.json_rpc.decoding import positions
from messages.nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from messages.json_rpc.call import Call
    from messages.payload import Payload


def told_at(
    call: Call, invalid: InvalidMessage, model: type[Payload] | None, methods: Iterable[str] = ()
) -> InvalidMessage:
    """Return the refusal with its places as they are in the call: `params…`, `leveret…`.

    `methods` are those that one that is not known may be a misspelling of.
    """
    if invalid is call.refusal or not invalid.errors:
        return invalid
    if invalid.code is ErrorCode.UNKNOWN_MESSAGE_TYPE:
        near = did_you_mean(call.method, methods)
        return InvalidMessage(invalid.code, f"no method of that name is known here{near}")
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
