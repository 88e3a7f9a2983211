"""The same messages in JSON-RPC 2.0: `method` is the message type, `params` the payload. Pure.

What an envelope knows and JSON-RPC has no word for stands in a member `leveret` beside `params`:
`reply_to`, `ttl`, `target_agent`, `correlation_id`, `source_agent`, `version`, `timestamp`. A
client that knows nothing of it leaves it out.
"""

from messages.json_rpc.answers import batch_body, error_body, is_response, result_body
from messages.json_rpc.call import UNREADABLE, Call
from messages.json_rpc.converting import from_json_rpc, to_json_rpc
from messages.json_rpc.decoding import Reader, decode_call, salvage_of
from messages.json_rpc.reading import read_call
from messages.json_rpc.recognizing import (
    CONTENT_TYPE,
    begins_like_json_rpc,
    is_json_rpc,
    split_batch,
)
from messages.json_rpc.telling import told_at

__all__ = [
    "CONTENT_TYPE",
    "UNREADABLE",
    "Call",
    "Reader",
    "batch_body",
    "begins_like_json_rpc",
    "decode_call",
    "error_body",
    "from_json_rpc",
    "is_json_rpc",
    "is_response",
    "read_call",
    "result_body",
    "salvage_of",
    "split_batch",
    "to_json_rpc",
    "told_at",
]
