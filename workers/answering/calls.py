"""JSON-RPC in the pipeline: which deliveries are calls, and who is answered. Pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from messages.json_rpc import UNREADABLE, begins_like_json_rpc, salvage_of
from workers.answering.asking import NOBODY, salvaged_asker

if TYPE_CHECKING:
    from messages import Salvage
    from messages.json_rpc import Call
    from workers.answering.asking import Answerable, Asker
    from workers.outcome import Delivery, Properties
    from workers.request import Request


def unread(delivery: Delivery) -> Call | None:
    """Return the form of a delivery that must not be parsed: a call nobody knows the id of."""
    spoken = begins_like_json_rpc(delivery.properties.content_type, delivery.body)
    return UNREADABLE if spoken else None


def mark_of(request: Request) -> str | None:
    """Return what stays with a message however often it is delivered and tried; None for nothing.

    A message id is made by its sender, and our copies remember it: the one they bear is ours.
    """
    past, delivery, call = request.past, request.delivery, request.call
    named = (past.message_id if past.is_copy else delivery.properties.message_id) or None
    if named is None or call is None or call.id is not None:
        return named
    # All calls of a batch bear its message id; without an id, bytes tell them apart.
    return f"{named}\n{hashlib.blake2b(delivery.body, digest_size=16).hexdigest()}"


def caller(call: Call, who: Asker, properties: Properties) -> Asker:
    """Return who is answered: nobody for a notification, else by the call's id."""
    told = properties.correlation_id or call.told or who.correlation_id
    return who._replace(address=None if call.notification else who.address, correlation_id=told)


def salvaged_caller(
    call: Call,
    salvage: Salvage | None,
    properties: Properties,
    answerable: Answerable,
) -> Asker:
    """Return who is told that a call was refused."""
    if call.notification:
        return NOBODY
    who = salvaged_asker(salvage or salvage_of(call), properties, answerable)
    return caller(call, who, properties)
