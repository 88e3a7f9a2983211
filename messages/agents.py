"""Who sends and who works."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from messages.model import ProtocolModel, StrictId


class AgentRole(StrEnum):
    """What an agent is there for."""

    COORDINATOR = "coordinator"
    WORKER = "worker"
    OBSERVER = "observer"
    GATEWAY = "gateway"


#: What each role must be able to do to be that role.
NEEDED: Final[dict[AgentRole, frozenset[str]]] = {
    AgentRole.COORDINATOR: frozenset({"coordination", "task_distribution"}),
    AgentRole.WORKER: frozenset({"task_execution"}),
    AgentRole.OBSERVER: frozenset({"monitoring", "logging"}),
    AgentRole.GATEWAY: frozenset({"request_routing", "load_balancing"}),
}


class AgentMetadata(ProtocolModel):
    """An agent as it describes itself; what it adds beyond these fields is kept."""

    model_config = ConfigDict(extra="allow")

    agent_id: StrictId
    role: AgentRole
    capabilities: tuple[Annotated[str, Field(strict=True)], ...]
    load_factor: Annotated[float, Field(strict=True, ge=0.0, le=1.0)]
    max_concurrent_tasks: Annotated[int, Field(strict=True, ge=1, le=1000)] = 10

    @model_validator(mode="after")
    def _able(self) -> Self:
        needed = NEEDED[self.role]
        if not needed.issubset(self.capabilities):
            missing = needed.difference(self.capabilities)
            raise PydanticCustomError(
                "missing_capabilities",
                "the role {role} needs the capabilities {needed}",
                {"role": self.role.value, "needed": ", ".join(sorted(missing))},
            )
        return self
