"""Whether a body is JSON-RPC at all, and where the requests of a batch begin and end."""

from __future__ import annotations

import re
from typing import Final

from pydantic_core import from_json

from messages.json_rpc.refusals import refused
from messages.streams import BrokenStream, members

CONTENT_TYPE: Final = "application/json-rpc"
#: What nearly everybody says, and needs no closer look.
_SILENT: Final = frozenset({None, "application/json"})
#: Requests in one batch: each may cost a dead letter, so a small body must not cost a million.
MOST_CALLS: Final = 1_000
#: A body too broken to be parsed is still JSON-RPC if it begins like it.
_BEGINS: Final = re.compile(rb'[ \t\r\n]*\[?[ \t\r\n]*\{[ \t\r\n]*"jsonrpc"[ \t\r\n]*:')


def begins_like_json_rpc(content_type: str | None, body: bytes) -> bool:
    """Whether a body that must not or cannot be parsed is meant as JSON-RPC."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    return kind == CONTENT_TYPE or _BEGINS.match(body) is not None


def is_json_rpc(content_type: str | None, body: bytes) -> bool:
    """Whether a message is in JSON-RPC: it says so, or its top level has `jsonrpc`."""
    if content_type not in _SILENT and begins_like_json_rpc(content_type, b""):
        return True
    # Its end is found in a third of the time, and is in hardly any other body. Not by `in`, which
    # tries whether it was given a number first.
    if body.find(b'rpc"') < 0 or body.find(b'"jsonrpc"') < 0:
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
        raise refused("an empty batch asks for nothing; send at least one request")
    if len(several) > MOST_CALLS:
        raise refused(f"the batch has {len(several)} requests, {MOST_CALLS} are taken; split it")
    return several
