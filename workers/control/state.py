"""What operators have asked of this replica; gone with its process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class ControlState:
    """Read by whoever acts on it, written by the commands of operators."""

    #: Takes no messages, and stays connected.
    paused: bool = False
    #: Refuses operations that create, update or delete (`maintenance_mode_restriction`).
    maintenance: bool = False
