"""Bindings as the management API lists them, for a plan that can tell which ones are missing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from topology.shape import Binding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from topology.plan import Found
    from topology.shape import Topology


def unknown_queues(topology: Topology, listing: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the work queues that get requests though no group of this topology has them.

    They are another configuration's, or left over: then copies of requests fill them for ever.
    """
    known = {queue.name for queue in topology.queues}
    names = topology.names
    return tuple(
        sorted(
            {
                row["destination"]
                for row in listing
                if row["source"] == names.requests
                and row["destination"].startswith(f"{names.works}.")
                and row["destination"] not in known
            }
        )
    )


def with_bindings(found: Found, topology: Topology, listing: Iterable[Mapping[str, Any]]) -> Found:
    """Return what was found with its bindings known, so that a plan adds and removes exactly.

    `listing` is the answer of `GET /api/bindings/<vhost>`. Only bindings between exchanges and
    queues of this topology count: what others have bound is theirs.
    """
    exchanges = {exchange.name for exchange in topology.exchanges}
    queues = {queue.name for queue in topology.queues}
    return replace(
        found,
        bindings=frozenset(
            Binding(row["source"], row["destination"], row["routing_key"])
            for row in listing
            if row["destination_type"] == "queue"
            and row["source"] in exchanges
            and row["destination"] in queues
        ),
    )
