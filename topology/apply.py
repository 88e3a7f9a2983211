"""The only room of the topology that speaks to a broker: look, check, apply."""

from __future__ import annotations

from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never

from aio_pika.exceptions import AMQPError, ChannelClosed

from topology.errors import BrokerLost, BrokerRefused, TopologyMismatch
from topology.explain import one_line
from topology.plan import Assure, Bind, Create, Found, Keep, Mismatch, Unbind
from topology.refusal import Refusal, Untold, adopt, advice, read_refusal
from topology.shape import Exchange, Kind, Queue
from topology.version import BrokerVersion

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping

    from aio_pika.abc import AbstractConnection, UnderlayConnection
    from aiormq.abc import AbstractChannel, ArgumentsType

    from topology.plan import Plan, Properties, Step
    from topology.shape import Topology, Value

#: Seconds for one answer: a quorum queue waits for its members, who may be electing a leader.
PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Missing:
    """Something the topology needs that the broker does not have."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Depth(NamedTuple):
    """How full a queue is."""

    #: Waiting for a consumer; what consumers hold unsettled is not among them.
    messages: int
    consumers: int


def broker_version(connection: AbstractConnection) -> BrokerVersion:
    """Return the version that the broker told when the connection was opened."""
    told = _link(connection).connection.server_properties.get("version", "")
    return BrokerVersion.parse(told.decode() if isinstance(told, bytes) else str(told))


async def check(connection: AbstractConnection, topology: Topology) -> tuple[Missing, ...]:
    """Return what is missing, asked passively: needs no right to configure and creates nothing.

    Raises `BrokerRefused` or `BrokerLost`. Bindings and arguments cannot be asked for this way.
    """
    return tuple(
        [
            Missing(_kind(thing), thing.name)
            for thing in topology.declarations
            if isinstance(seen := await _passively(connection, thing), Refusal)
            and seen.code == "NOT_FOUND"
        ]
    )


async def depths(connection: AbstractConnection, queues: Iterable[str]) -> dict[str, Depth]:
    """Return how full each queue is, asked passively; one that is not there is left out.

    Raises `BrokerRefused` or `BrokerLost`.
    """
    found: dict[str, Depth] = {}
    left = deque(queues)
    while left:
        async with _channel(connection) as channel:
            try:
                while left:
                    name = left.popleft()
                    told = await channel.queue_declare(name, passive=True, timeout=PATIENCE)
                    found[name] = Depth(told.message_count or 0, told.consumer_count or 0)
            except ChannelClosed as error:  # the rest is asked on another one
                refusal = read_refusal(_text(error))
                if refusal.code != "NOT_FOUND":
                    raise _refused(refusal) from error
    return found


async def look(connection: AbstractConnection, topology: Topology) -> Found:
    """Return what the broker has of the topology; changes nothing.

    A name that exists is declared again as we want it, which never alters it: the refusal tells one
    difference, which is adopted to be told the next. Without the right to configure only existence
    is known. Raises `BrokerRefused` or `BrokerLost`.
    """
    exchanges = {one.name: await _find(connection, one) for one in topology.exchanges}
    queues = {one.name: await _find(connection, one) for one in topology.queues}
    return Found(exchanges=_there(exchanges), queues=_there(queues))


async def apply(connection: AbstractConnection, plan: Plan) -> None:
    """Make the plan's changes at the broker; safe to repeat, also after it failed half-way.

    Raises `TopologyMismatch` before the first change if anything differs; `BrokerRefused` or
    `BrokerLost` where a step could not be done.
    """
    if plan.mismatches:
        raise TopologyMismatch(one_line(plan.mismatches))
    for step in plan.steps:
        await _do(connection, step)


async def _do(connection: AbstractConnection, step: Step) -> None:
    match step:
        case Create(thing):
            refusal = await _declare(connection, thing, thing.properties())
        case Bind(one) | Assure(one):
            async with _channel(connection) as channel:
                refusal = await _ask(
                    channel.queue_bind(one.destination, one.source, one.key, timeout=PATIENCE)
                )
        case Unbind(one):
            async with _channel(connection) as channel:
                refusal = await _ask(
                    channel.queue_unbind(one.destination, one.source, one.key, timeout=PATIENCE)
                )
        case Keep() | Mismatch():
            return
        case _:
            assert_never(step)
    if refusal is not None:
        raise _refused(refusal)


class _Absent:
    """Stands for a name that the broker does not have."""


async def _find(connection: AbstractConnection, thing: Exchange | Queue) -> Properties | _Absent:
    """Return all properties of what the broker has under the name."""
    candidate: dict[str, Value] = thing.properties()
    refusal = await _passively(connection, thing)
    if refusal is not None:
        match refusal.code:
            case "NOT_FOUND":
                return _Absent()
            case "RESOURCE_LOCKED":
                return {**candidate, "exclusive": True}
            case _:
                raise _refused(refusal)
    asked: set[str | None] = set()
    while (refusal := await _declare(connection, thing, candidate)) is not None:
        if refusal.code == "ACCESS_REFUSED":
            return None
        adopted = adopt(candidate, refusal)
        if adopted is None or refusal.argument in asked:
            # It differs in something that the broker does not say, or not twice the same.
            return {**candidate, refusal.argument or "declaration": Untold.UNTOLD}
        asked.add(refusal.argument)
        candidate = adopted
    return candidate


async def _passively(connection: AbstractConnection, thing: Exchange | Queue) -> Refusal | None:
    async with _channel(connection) as channel:
        match thing:
            case Exchange(name):
                return await _ask(channel.exchange_declare(name, passive=True, timeout=PATIENCE))
            case Queue(name):
                return await _ask(channel.queue_declare(name, passive=True, timeout=PATIENCE))
            case _:
                assert_never(thing)


async def _declare(
    connection: AbstractConnection, thing: Exchange | Queue, properties: Mapping[str, Value]
) -> Refusal | None:
    """Declare it with exactly these properties and return the broker's refusal, if any."""
    arguments: ArgumentsType = dict(properties)
    durable, auto_delete = bool(arguments.pop("durable")), bool(arguments.pop("auto_delete"))
    async with _channel(connection) as channel:
        match thing:
            case Exchange(name):
                return await _ask(
                    channel.exchange_declare(
                        name,
                        exchange_type=str(arguments.pop("type")),
                        durable=durable,
                        auto_delete=auto_delete,
                        internal=bool(arguments.pop("internal")),
                        arguments=arguments,
                        timeout=PATIENCE,
                    )
                )
            case Queue(name):
                return await _ask(
                    channel.queue_declare(
                        name,
                        durable=durable,
                        auto_delete=auto_delete,
                        exclusive=bool(arguments.pop("exclusive")),
                        arguments=arguments,
                        timeout=PATIENCE,
                    )
                )
            case _:
                assert_never(thing)


@asynccontextmanager
async def _channel(connection: AbstractConnection) -> AsyncIterator[AbstractChannel]:
    """Lend a channel for one question: a refusal closes it, and must close no other's.

    It is the plain channel below aio-pika's, which would remember what is declared on it and
    declare it again after a reconnect.
    """
    try:
        channel = await _link(connection).connection.channel(
            publisher_confirms=False, timeout=PATIENCE
        )
        try:
            yield channel
        finally:
            if not channel.is_closed:
                await channel.close()
    except (AMQPError, OSError, RuntimeError) as error:
        # RuntimeError is what the client raises for a connection or channel that is closed already.
        raise BrokerLost(
            f"the connection to the broker ended ({_text(error)}): "
            "look whether it runs, then try again"
        ) from error
    except TimeoutError as error:
        raise BrokerLost(
            f"the broker gave no answer within {PATIENCE:g} s: look whether a majority of its "
            "nodes is up (rabbitmq-diagnostics cluster_status), then try again"
        ) from error


async def _ask(question: Awaitable[object]) -> Refusal | None:
    """Return the broker's refusal of one question, or None when it agreed."""
    try:
        await question
    except ChannelClosed as error:
        return read_refusal(_text(error))
    return None


def _link(connection: AbstractConnection) -> UnderlayConnection:
    if connection.transport is None:
        raise BrokerLost("there is no connection to the broker now: try again when it is back")
    return connection.transport


def _there(found: Mapping[str, Properties | _Absent]) -> dict[str, Properties]:
    return {name: seen for name, seen in found.items() if not isinstance(seen, _Absent)}


def _kind(thing: Exchange | Queue) -> Kind:
    return Kind.EXCHANGE if isinstance(thing, Exchange) else Kind.QUEUE


def _refused(refusal: Refusal) -> BrokerRefused:
    return BrokerRefused(f"the broker refused: {refusal.text}; {advice(refusal)}")


def _text(error: BaseException) -> str:
    told = ", ".join(str(part) for part in error.args)
    return " ".join(told.split()) or type(error).__name__
