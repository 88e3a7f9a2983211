"""Exchanges, queues and bindings as data: named, designed, planned, exported; free of the broker.

`topology.apply`, which speaks to a broker, is imported by its own name.
"""

from topology.delay import Delay, parse_delays
from topology.design import GroupSpec, TopologySpec, design
from topology.errors import (
    BrokerLost,
    BrokerRefused,
    NameRefused,
    TopologyError,
    TopologyMismatch,
)
from topology.explain import explain, summary
from topology.export import Account, definitions, password_hash
from topology.listing import with_bindings
from topology.names import Names
from topology.plan import Found, Plan, plan
from topology.roles import Permissions, Role, permissions
from topology.shape import Binding, Exchange, Queue, Topology
from topology.version import BrokerVersion

__all__ = [
    "Account",
    "Binding",
    "BrokerLost",
    "BrokerRefused",
    "BrokerVersion",
    "Delay",
    "Exchange",
    "Found",
    "GroupSpec",
    "NameRefused",
    "Names",
    "Permissions",
    "Plan",
    "Queue",
    "Role",
    "Topology",
    "TopologyError",
    "TopologyMismatch",
    "TopologySpec",
    "definitions",
    "design",
    "explain",
    "parse_delays",
    "password_hash",
    "permissions",
    "plan",
    "summary",
    "with_bindings",
]
