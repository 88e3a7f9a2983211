"""Answers in JSON-RPC 2.0: a result, an error with its standard code, a batch of both. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import orjson

from messages.codes import ErrorCode
from messages.json_rpc.call import Call
from messages.shipped import TaskResponsePayload
from messages.tasks import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from messages.payload import Payload

PARSE_ERROR: Final = (-32700, "Parse error")
INVALID_REQUEST: Final = (-32600, "Invalid Request")
METHOD_NOT_FOUND: Final = (-32601, "Method not found")
INVALID_PARAMS: Final = (-32602, "Invalid params")
INTERNAL_ERROR: Final = (-32603, "Internal error")
TIMEOUT: Final = (-32001, "Timeout")
ATTEMPTS_SPENT: Final = (-32002, "Attempts spent")
EXPIRED: Final = (-32003, "Expired")

#: Each of our reasons has one code; the reason itself stands in `data.error_code`.
CODES: Final[dict[ErrorCode, tuple[int, str]]] = {
    ErrorCode.INVALID_JSON: PARSE_ERROR,
    ErrorCode.INVALID_ENVELOPE: INVALID_REQUEST,
    ErrorCode.UNSUPPORTED_VERSION: INVALID_REQUEST,
    ErrorCode.ADDRESS_MISMATCH: INVALID_REQUEST,
    ErrorCode.REPLY_TO_NOT_ALLOWED: INVALID_REQUEST,
    ErrorCode.UNSUPPORTED_ENCODING: INVALID_REQUEST,
    ErrorCode.MESSAGE_TOO_LARGE: INVALID_REQUEST,
    ErrorCode.UNKNOWN_MESSAGE_TYPE: METHOD_NOT_FOUND,
    ErrorCode.UNKNOWN_TASK_TYPE: METHOD_NOT_FOUND,
    ErrorCode.INVALID_PAYLOAD: INVALID_PARAMS,
    ErrorCode.REJECTED: INTERNAL_ERROR,
    ErrorCode.CRASH_LOOP: INTERNAL_ERROR,
    ErrorCode.BROKER_REJECTED: INTERNAL_ERROR,
    ErrorCode.TIMEOUT: TIMEOUT,
    ErrorCode.PROCESSING_FAILED: ATTEMPTS_SPENT,
    ErrorCode.EXPIRED: EXPIRED,
}


def result_body(call: Call, payload: Payload) -> bytes:
    """Return the response to a call that was done.

    The result is the answer's payload, discriminator included: no method names its type. A payload
    with a `bare` field is that field's value, and a task asked for by its short name is answered
    with its result data alone.
    """
    document: Any = payload.model_dump(mode="json", by_alias=True)
    if payload.bare is not None:
        document = document[payload.bare]
    elif (
        call.short
        and isinstance(payload, TaskResponsePayload)
        and payload.response.status is TaskStatus.COMPLETED
    ):
        document = document["response"]["result_data"]
    return _response(call, b'"result":' + orjson.dumps(document))


def error_body(call: Call, code: ErrorCode, data: dict[str, Any]) -> bytes:
    """Return the response to a call that failed; `data` is what an error answer tells."""
    number, message = CODES.get(code, INTERNAL_ERROR)
    error = {"code": number, "message": message, "data": data}
    return _response(call, b'"error":' + orjson.dumps(error))


def batch_body(responses: Iterable[bytes]) -> bytes:
    """Return the response to a batch, in one pass over the responses to its requests."""
    return b"[" + b",".join(responses) + b"]"


def is_response(document: bytes) -> bool:
    """Whether these bytes are a response rather than a request."""
    try:
        read = orjson.loads(document)
    except ValueError:
        return False
    return isinstance(read, dict) and "method" not in read and ("result" in read or "error" in read)


def _response(call: Call, content: bytes) -> bytes:
    # The id is written by the library that keeps whole numbers of any size.
    told = json.dumps(call.id, ensure_ascii=False).encode()
    return b'{"jsonrpc":"2.0",' + content + b',"id":' + told + b"}"
