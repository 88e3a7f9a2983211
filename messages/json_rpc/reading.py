"""Bytes to a call: what is wrong with it is kept in it, so that even a refusal can be answered."""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import from_json

from messages.catalog import refusal_of
from messages.codes import ErrorCode
from messages.json_rpc.call import EXTRA, FACTS, VERSION, Call
from messages.json_rpc.refusals import fault, refused, unknown
from messages.strictness import refuse_unfit

_MEMBERS: Final = frozenset({"jsonrpc", "method", "params", "id", EXTRA})


def read_call(body: bytes) -> Call:
    """Return the request in these bytes; what is wrong with it stands in `refusal`."""
    try:
        refuse_unfit(body)
        document = from_json(body, allow_inf_nan=False)
    except (ValueError, RecursionError) as unfit:
        invalid = refusal_of(body, unfit)
        if invalid.code is ErrorCode.INVALID_JSON:
            return Call(refusal=invalid)
        return Call(refusal=refused(invalid.reason, *invalid.errors))
    if not isinstance(document, dict):
        return Call(refusal=refused("a request is an object with jsonrpc, method, params and id"))
    return _read(document)


def _read(document: dict[str, Any]) -> Call:
    call_id = document.get("id")
    if isinstance(call_id, bool | list | dict):
        error = fault(("id",), "id_type", "an id is a string, a number or null")
        return Call(refusal=refused("the id is neither a string nor a number", error))
    method, params, facts = (document.get(name) for name in ("method", "params", EXTRA))
    errors = []
    if document.get("jsonrpc") != VERSION:
        errors.append(fault(("jsonrpc",), "json_rpc_version", 'must be "2.0"'))
    if not isinstance(method, str) or not method:
        errors.append(fault(("method",), "method_type", "must be the message type, as a string"))
    if "params" in document and not isinstance(params, dict | list):
        errors.append(fault(("params",), "params_type", "must be an object or an array"))
    if EXTRA in document and not isinstance(facts, dict):
        errors.append(fault((EXTRA,), "dict_type", "must be an object"))
    else:
        facts = facts or {}
        errors += [unknown(EXTRA, name) for name in sorted(facts.keys() - set(FACTS))]
    errors += [unknown(name) for name in sorted(document.keys() - _MEMBERS)]
    if errors:
        first = f"{errors[0].field_path}: {errors[0].message}"
        refusal = refused(f"this is no JSON-RPC 2.0 request: {first}", *errors)
        return Call(call_id, facts=facts if isinstance(facts, dict) else {}, refusal=refusal)
    return Call(call_id, "id" not in document, method, params, facts)  # type: ignore[arg-type] # checked above
