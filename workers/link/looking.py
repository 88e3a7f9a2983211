"""Whether looking at dead letters would lose some: the broker counts every look as a delivery.

A look gives all letters back. Where the queue has a delivery limit, the broker drops a letter that
was looked at more often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from topology import GroupSpec, Queue, Topology, TopologySpec, design, parse_delays, plan
from topology.apply import broker_version, look
from topology.design import DELIVERY_LIMIT
from topology.plan import Keep, Mismatch
from workers.link.supervisor import LinkError

if TYPE_CHECKING:
    from aio_pika.abc import AbstractConnection

    from workers.link.desk import Desk

#: The argument that decides it.
LIMIT: Final = "x-delivery-limit"


async def safe_to_look(connection: AbstractConnection, desk: Desk) -> str:
    """Return what a person should know about the queue; empty if nothing, or if it cannot be seen.

    Raises LinkError where there is no such queue, or where its letters would not survive looks.
    """
    if desk.foreign:
        return await _foreign(connection, desk)
    wanted = _queue_alone(connection, desk)
    found = await look(connection, wanted)
    if desk.queue not in found.queues:
        raise LinkError(desk.missing)
    (step,) = plan(wanted, found).steps
    match step:
        case Keep(note=note) if note and found.queues[desk.queue] is not None:
            return f"{desk.queue} was {note}"
        case Mismatch(differences=differences):
            for one in differences:
                if one.argument == LIMIT and one.found is not None:
                    raise LinkError(
                        f"{desk.queue} has {LIMIT} {one.found}: a letter would be lost after so "
                        "many looks, so nothing was looked at; `leveret topology plan` says more",
                    )
        case _:
            pass
    return ""


async def _foreign(connection: AbstractConnection, desk: Desk) -> str:
    """Return what a person should know about another program's queue, as far as it can be seen."""
    queue = Queue.of(desk.queue, {})
    alone = Topology(names=desk.names, exchanges=(), queues=(queue,), bindings=())
    found = await look(connection, alone)
    if desk.queue not in found.queues:
        raise LinkError(desk.missing)
    properties = found.queues[desk.queue] or {}
    limit = properties.get(LIMIT)
    if limit is None and properties.get("x-queue-type") == "quorum":
        limit = DELIVERY_LIMIT if broker_version(connection) >= (4,) else None
    if not isinstance(limit, int) or limit < 0:
        return ""
    told = f"{desk.queue} allows {limit} deliveries, and each look counts as one of a letter"
    if not desk.counted:
        raise LinkError(f"{told}: nothing was looked at; add --scan to look all the same")
    return told


def _queue_alone(connection: AbstractConnection, desk: Desk) -> Topology:
    """Return the topology with nothing in it but the queue of this desk."""
    whole = design(
        TopologySpec(
            prefix=desk.names.prefix,
            groups=(GroupSpec(name=desk.group),),
            retry_delays=parse_delays("1s"),
            broker_version=broker_version(connection),
        ),
    )
    (queue,) = (queue for queue in whole.queues if queue.name == desk.queue)
    return Topology(names=whole.names, exchanges=(), queues=(queue,), bindings=())
