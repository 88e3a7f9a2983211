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
from topology.listing import unknown_queues, with_bindings
from topology.names import Names, is_agent_id
from topology.plan import Found, Plan, plan
from topology.roles import (
    Permissions,
    Role,
    TopicPermissions,
    permissions,
    topic_permissions,
)
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
    "TopicPermissions",
    "Topology",
    "TopologyError",
    "TopologyMismatch",
    "TopologySpec",
    "definitions",
    "design",
    "explain",
    "is_agent_id",
    "parse_delays",
    "password_hash",
    "permissions",
    "plan",
    "summary",
    "topic_permissions",
    "unknown_queues",
    "with_bindings",
]
