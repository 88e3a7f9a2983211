"""A private RabbitMQ for development, tests and benchmarks: started in seconds, gone afterwards."""

from workers.broker.choice import Broker, NamedBroker, choose
from workers.broker.container import ContainerBroker
from workers.broker.errors import BrokerStartError, NoBrokerError
from workers.broker.kept import Running, start_kept, status, stop_kept
from workers.broker.leftovers import remove_leftovers
from workers.broker.management import ManagementApi, ManagementError, QueueDepth, with_vhost
from workers.broker.node import Node
from workers.broker.private import PrivateBroker

__all__ = [
    "Broker",
    "BrokerStartError",
    "ContainerBroker",
    "ManagementApi",
    "ManagementError",
    "NamedBroker",
    "NoBrokerError",
    "Node",
    "PrivateBroker",
    "QueueDepth",
    "Running",
    "choose",
    "remove_leftovers",
    "start_kept",
    "status",
    "stop_kept",
    "with_vhost",
]
