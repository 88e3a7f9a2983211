"""A message as a JSON-RPC request, and back: for programs that send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from messages.answers import encode
from messages.errors import InvalidMessage
from messages.json_rpc.call import EXTRA, FACTS, VERSION
from messages.json_rpc.decoding import Reader, decode_call
from messages.json_rpc.reading import read_call
from messages.json_rpc.refusals import refused
from messages.json_rpc.telling import told_at

if TYPE_CHECKING:
    from messages.catalog import Catalog
    from messages.envelope import Envelope


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
        raise refused("a value in it is no JSON") from None
    call = read_call(body)
    try:
        return decode_call(call, Reader(catalog, catalog.decode))
    except InvalidMessage as invalid:
        raise told_at(call, invalid, catalog.payload_type(call.method)) from invalid
