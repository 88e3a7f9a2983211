"""What would change at the broker, as data: decided here, shown by `explain`, done by `apply`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from topology.design import NO_DELIVERY_LIMIT
from topology.shape import Binding, Exchange, Kind, Queue, Topology

if TYPE_CHECKING:
    from collections.abc import Mapping

    from topology.refusal import Untold
    from topology.shape import Value

#: What the broker has under one name; None where it exists and we may not compare it.
Properties: TypeAlias = "Mapping[str, Value | Untold] | None"

#: An existing dead-letter queue may lack only this, since a policy can supply it.
_LIMIT: Final = "x-delivery-limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the broker has of a topology; names that are not in here do not exist.

    `bindings` are the ones between our exchanges and our queues, or None where nobody could tell:
    AMQP has no way to ask for them.
    """

    exchanges: Mapping[str, Properties] = field(default_factory=dict)
    queues: Mapping[str, Properties] = field(default_factory=dict)
    bindings: frozenset[Binding] | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """It is missing and will be declared."""

    thing: Exchange | Queue


@dataclass(frozen=True, slots=True)
class Keep:
    """It is there and stays; `note` says what could not be seen or should be done beside it."""

    kind: Kind
    name: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bind:
    """The binding is missing and will be made."""

    binding: Binding


@dataclass(frozen=True, slots=True)
class Assure:
    """The binding is made again in case it is missing; that changes nothing where it exists."""

    binding: Binding


@dataclass(frozen=True, slots=True)
class Unbind:
    """The binding is not of this topology and would double messages or mislead them: removed."""

    binding: Binding


@dataclass(frozen=True, slots=True)
class Difference:
    """One argument of which we want `wanted` and the broker has `found`; None is: no such one."""

    argument: str
    wanted: Value | None
    found: Value | Untold | None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """It is there under our name but differs; a person must decide, so nothing is applied."""

    kind: Kind
    name: str
    differences: tuple[Difference, ...]


Step: TypeAlias = Create | Keep | Bind | Assure | Unbind | Mismatch


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in the order in which they can be done."""

    steps: tuple[Step, ...]

    @property
    def changes(self) -> tuple[Create | Bind | Unbind, ...]:
        """The steps that change something at the broker."""
        return tuple(step for step in self.steps if isinstance(step, Create | Bind | Unbind))

    @property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """The steps that a person must decide before anything can be applied."""
        return tuple(step for step in self.steps if isinstance(step, Mismatch))

    @property
    def nothing_to_do(self) -> bool:
        """Whether the broker has all of it already, as far as it can be seen."""
        return not self.changes and not self.mismatches


def plan(wanted: Topology, found: Found) -> Plan:
    """Return the steps from what the broker has to what it must have; asks and changes nothing."""
    things = (
        *(_thing(Kind.EXCHANGE, exchange, found.exchanges) for exchange in wanted.exchanges),
        *(_thing(Kind.QUEUE, queue, found.queues) for queue in wanted.queues),
    )
    new = {step.thing.name for step in things if isinstance(step, Create)}
    bindings = tuple(step for one in wanted.bindings if (step := _binding(one, new, found)))
    surplus = sorted((found.bindings or frozenset()) - set(wanted.bindings))
    return Plan((*things, *bindings, *(Unbind(one) for one in surplus)))


def _thing(kind: Kind, wanted: Exchange | Queue, found: Mapping[str, Properties]) -> Step:
    if wanted.name not in found:
        return Create(wanted)
    properties = found[wanted.name]
    if properties is None:
        return Keep(kind, wanted.name, "not compared: this user has no right to configure it")
    different = _differences(wanted.properties(), properties)
    if not different:
        return Keep(kind, wanted.name)
    if different == (Difference(_LIMIT, NO_DELIVERY_LIMIT, None),):
        return Keep(kind, wanted.name, _limit_by_policy(wanted.name))
    return Mismatch(kind, wanted.name, different)


def _differences(
    wanted: Mapping[str, Value], found: Mapping[str, Value | Untold]
) -> tuple[Difference, ...]:
    return tuple(
        Difference(argument, wanted.get(argument), found.get(argument))
        for argument in (*wanted, *(extra for extra in found if extra not in wanted))
        if wanted.get(argument) != found.get(argument)
    )


def _binding(binding: Binding, new: set[str], found: Found) -> Bind | Assure | None:
    if binding.source in new or binding.destination in new:
        return Bind(binding)
    if found.bindings is None:
        return Assure(binding)
    return None if binding in found.bindings else Bind(binding)


def _limit_by_policy(queue: str) -> str:
    """Return what to do about letters from RabbitMQ 3, whose queue must not be deleted."""
    pattern = "^" + queue.replace(".", "[.]") + "$"
    return (
        "made under RabbitMQ 3, so it has the delivery limit of RabbitMQ 4 and a letter is gone "
        f"after 21 looks: rabbitmqctl set_policy --apply-to queues {queue} '{pattern}' "
        f"""'{{"delivery-limit": {NO_DELIVERY_LIMIT}}}'"""
    )
