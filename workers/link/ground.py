"""The ground a worker stands on: the topology at the broker, looked at before it consumes.

A worker needs no right to configure: what it finds in place it uses. What is missing it declares
where its user may, so that a first start on an empty broker works. Where it may not, or where
something differs, it does not start and says what to do.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)
from yarl import URL

from topology import (
    BrokerRefused,
    Names,
    Topology,
    TopologyError,
    TopologyMismatch,
    TopologySpec,
    design,
    plan,
)
from topology.apply import apply, broker_version, check, look
from topology.explain import one_line
from workers.counting import plural
from workers.doctor.unsafe import unsafe_differences
from workers.link.connection import LEAST_FRAME, open_wire
from workers.link.supervisor import LOST, BrokerUnreachable, LinkError, explain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from aio_pika import Connection

    from topology import BrokerVersion
    from workers.settings import Settings

log = logging.getLogger("leveret.topology")

#: Seconds: the longest wait between two tries to reach a broker that is only just starting.
LONGEST_WAIT = 5.0


class FramesTooSmall(LinkError):
    """What a worker must be able to say does not fit into this broker's frames."""


@asynccontextmanager
async def connected(settings: Settings, *, patience: float = 0.0) -> AsyncIterator[Connection]:
    """Lend a plain connection; raises LinkError, after `patience` seconds for an absent broker."""
    url = settings.amqp_url
    if url is None:
        raise BrokerUnreachable(
            "no broker is configured; set LEVERET_AMQP_URL=amqp://user:password@host/vhost, or "
            "start one with `leveret broker start`",
        )
    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(BrokerUnreachable),
            reraise=True,
            stop=stop_after_delay(patience),
            wait=wait_random_exponential(0.2, LONGEST_WAIT),
            before_sleep=_say,
        ):
            with attempt:
                try:
                    wire = await open_wire(
                        URL(url.get_secret_value()),
                        name="leveret topology",
                        heartbeat=15,
                        timeout=settings.connect_timeout,
                    )
                except LOST as error:
                    raise explain(error, str(url)) from error
    except BrokerUnreachable as error:
        if not patience:
            raise
        raise BrokerUnreachable(f"gave up after {patience:g} s: {error}") from error
    try:
        _refuse_small_frames(wire.frame_max, str(url))
        yield wire.connection
    finally:
        await wire.close()


def _say(state: RetryCallState) -> None:
    """Tell whoever waits for a worker to begin what it waits for."""
    wait = state.next_action.sleep if state.next_action is not None else 0.0
    error = state.outcome.exception() if state.outcome is not None else None
    log.warning("%s; trying again in %.1f s", error, wait)


def _refuse_small_frames(most: int, address: str) -> None:
    """Raise FramesTooSmall where a dead letter's headers may not fit; `most` of 0 is no limit."""
    if 0 < most < LEAST_FRAME:
        raise FramesTooSmall(
            f"the broker at {address} takes frames of {most} bytes, and the headers of a dead "
            f"letter may need {LEAST_FRAME}: it could not be published, and would stay with the "
            "worker; raise frame_max in its rabbitmq.conf (131072 is what brokers come with)",
        )


def wanted(settings: Settings, connection: Connection) -> Topology:
    """Return the topology these settings need on the broker behind this connection."""
    return designed(settings, broker_version(connection))


def designed(settings: Settings, version: BrokerVersion) -> Topology:
    """Return the topology these settings need on a broker of this version."""
    return design(
        TopologySpec(
            prefix=settings.prefix,
            groups=settings.group_specs(),
            retry_delays=settings.retry_delays,
            broker_version=version,
        ),
    )


async def stand(settings: Settings, *, patience: float) -> None:
    """Return when the topology is at the broker; raises TopologyError or LinkError otherwise."""
    async with connected(settings, patience=patience) as connection:
        topology = wanted(settings, connection)
        missing = await check(connection, topology)
        if not missing:
            await _refuse_unsafe(connection, topology, settings.group)
            return
        log.info(
            "%s and will be declared",
            plural(
                len(missing), "exchange or queue is missing", "exchanges and queues are missing"
            ),
        )
        if beside := another_group(settings, {one.name for one in missing}):
            log.warning(beside)
        try:
            await apply(connection, plan(topology, await look(connection, topology)))
        except BrokerRefused as error:
            names = ", ".join(map(str, missing[:5]))
            more = " and more" if len(missing) > 5 else ""  # noqa: PLR2004 - as sliced
            raise TopologyError(
                f"the broker lacks {names}{more}, and they could not be declared here: {error}; "
                "where rights are missing, run `leveret topology apply` as one who may",
            ) from error


def another_group(settings: Settings, missing: Collection[str]) -> str:
    """Return what to say where a group is made that only the command line names; mostly nothing.

    It takes everything, beside the groups that are there: a mistyped name would have each message
    done twice, or fill a queue that nobody empties.
    """
    group, names = settings.group, Names(settings.prefix)
    if group in settings.groups or names.requests in missing or names.work(group) not in missing:
        return ""
    queues = names.work(group), names.urgent(group), names.dead_queue(group)
    return (
        f"the group {group} is new on this broker and has no table [groups.{group}]: its queues "
        f"are made, and get a copy of every request under {names.prefix}, beside the others. "
        "If that is not meant, stop this worker and remove them: "
        + "; ".join(f"rabbitmqctl delete_queue {queue}" for queue in queues)
        + ". If it is, write the table, with the bindings it is to have"
    )


async def _refuse_unsafe(connection: Connection, topology: Topology, group: str) -> None:
    """Raise TopologyMismatch when a message in this group's queues could be lost by their making.

    Where this user may not compare them, nothing is known and nothing refused.
    """
    names = {topology.names.work(group), topology.names.urgent(group)}
    queues = tuple(queue for queue in topology.queues if queue.name in names)
    ours = replace(topology, exchanges=(), queues=queues, bindings=())
    unsafe = unsafe_differences(plan(ours, await look(connection, ours)))
    if unsafe:
        raise TopologyMismatch(one_line(unsafe))
