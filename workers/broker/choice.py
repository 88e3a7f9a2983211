"""Which RabbitMQ to use here: one that was named, one that is installed, or one in a container."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from workers.broker.container import ContainerBroker
from workers.broker.errors import INSTALL_ADVICE, NoBrokerError
from workers.broker.installation import find_installation
from workers.broker.management import management_beside
from workers.broker.private import PrivateBroker

#: The setting that wins over everything.
AMQP_URL = "LEVERET_AMQP_URL"


class Broker(Protocol):
    """A RabbitMQ that serves until ``close``; URLs carry the login."""

    @property
    def amqp_url(self) -> str:
        """Where clients connect."""

    @property
    def management_url(self) -> str:
        """The HTTP API."""

    def ended(self) -> str:
        """How it ended by itself; empty while it runs, and where that cannot be known."""

    def close(self) -> None:
        """Give back what was taken for it; a broker we did not start goes on."""


@dataclass(frozen=True)
class NamedBroker:
    """A broker that somebody else runs; ``close`` leaves it as it is."""

    amqp_url: str

    @property
    def management_url(self) -> str:
        """Where the HTTP API usually is: same host and login, port 15672."""
        return management_beside(self.amqp_url)

    def ended(self) -> str:
        """Say nothing: whether it is away for good only its keeper knows."""
        return ""

    def close(self) -> None:
        """Do nothing: it is not ours to stop."""


def choose(
    amqp_url: str | None = None, *, nodes: int = 1, environment: Mapping[str, str] = os.environ
) -> Broker:
    """Return a broker that serves, by the first way that there is; the caller closes it.

    A URL (given, else LEVERET_AMQP_URL) → an installed server, started for this process alone →
    a container, for one node. Raises NoBrokerError, which says what to install, when there is no
    way, and BrokerStartError when there is one that does not work.
    """
    if named := amqp_url or environment.get(AMQP_URL):
        return NamedBroker(named)
    if find_installation(environment) is not None:
        return PrivateBroker.start(nodes)
    if nodes > 1:
        raise NoBrokerError(f"A cluster of {nodes} needs an installed RabbitMQ. {INSTALL_ADVICE}")
    try:
        return ContainerBroker.start()
    except NoBrokerError as error:
        raise NoBrokerError(
            f"There is no RabbitMQ here: {AMQP_URL} is not set, no server is installed, and"
            f" {error}. {INSTALL_ADVICE}"
        ) from error
