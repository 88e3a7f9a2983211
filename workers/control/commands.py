"""What travels on the control exchange, and what comes back. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

#: Bytes of the largest command; anything larger is nobody's.
LARGEST: Final = 4_096

_Name = Annotated[str, Field(min_length=1, max_length=128)]


class Verb(StrEnum):
    """What can be asked of a replica."""

    PING = "ping"
    PAUSE = "pause"
    RESUME = "resume"
    DRAIN = "drain"
    MAINTENANCE_ON = "maintenance_on"
    MAINTENANCE_OFF = "maintenance_off"


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Command(_Plain):
    """One wish of an operator; without a replica every one is meant."""

    id: UUID = Field(default_factory=uuid4)
    verb: Verb
    replica: _Name | None = None


class Told(_Plain):
    """What a replica says after a command."""

    id: UUID
    replica: _Name
    group: str
    #: `serving`, `paused`, `draining`, or why it is not ready.
    state: str
    maintenance: bool
    in_flight: int
    version: str
    #: Why it did not obey; empty where it did.
    refused: str = ""


def read_command(body: bytes) -> Command | None:
    """Return the command in these bytes, or None: an unknown one is for a later version."""
    if len(body) > LARGEST:
        return None
    try:
        return Command.model_validate_json(body)
    except ValidationError:
        return None


def read_told(body: bytes) -> Told | None:
    """Return what a replica said, or None where that cannot be read."""
    try:
        return Told.model_validate_json(body)
    except ValidationError:
        return None
