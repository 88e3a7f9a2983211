"""What goes wrong with the topology, each as one line that says what to do next."""

from __future__ import annotations


class TopologyError(Exception):
    """Caught where any trouble with names, settings or the broker's queues ends the command."""


class NameRefused(TopologyError, ValueError):
    """A name, pattern or delay of the settings cannot be used; nothing was asked of the broker."""


class TopologyMismatch(TopologyError):
    """The broker has something of the same name but of another kind; nothing was changed."""


class BrokerRefused(TopologyError):
    """The broker answered with a refusal, told in its own words with what to do about it."""


class BrokerLost(TopologyError):
    """The connection ended or went silent before the answer came; trying again is safe."""
