"""Exchanges, queues and bindings as frozen data; everything the project declares is durable."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from topology.names import Names

#: A value of a queue argument, or of a property such as `durable`.
Value: TypeAlias = str | int | bool


class Kind(StrEnum):
    """What a name stands for at the broker."""

    EXCHANGE = "exchange"
    QUEUE = "queue"


class ExchangeType(StrEnum):
    """How an exchange routes."""

    TOPIC = "topic"
    FANOUT = "fanout"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One durable exchange."""

    name: str
    type: ExchangeType

    def properties(self) -> dict[str, Value]:
        """Return all that the broker compares when it is declared again."""
        return {
            "type": self.type.value,
            "durable": True,
            "auto_delete": False,
            "internal": False,
        }


@dataclass(frozen=True, slots=True)
class Queue:
    """One durable queue and its arguments, as pairs so that it stays frozen and hashable."""

    name: str
    arguments: tuple[tuple[str, str | int], ...]

    @classmethod
    def of(cls, name: str, arguments: Mapping[str, str | int]) -> Queue:
        """Return the queue with these arguments."""
        return cls(name, tuple(arguments.items()))

    def table(self) -> dict[str, str | int]:
        """Return the arguments as the table a declaration takes."""
        return dict(self.arguments)

    def properties(self) -> dict[str, Value]:
        """Return all that the broker compares when it is declared again."""
        return {"durable": True, "auto_delete": False, "exclusive": False, **self.table()}


@dataclass(frozen=True, slots=True, order=True)
class Binding:
    """Messages of exchange `source` whose routing key fits `key` come to queue `destination`."""

    source: str
    destination: str
    key: str


@dataclass(frozen=True, slots=True)
class Topology:
    """All that must be at the broker, in the order in which it can be declared."""

    names: Names
    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]

    @property
    def declarations(self) -> tuple[Exchange | Queue, ...]:
        """All that bindings join, exchanges first."""
        return (*self.exchanges, *self.queues)
