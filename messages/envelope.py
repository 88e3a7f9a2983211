"""Who, what, where to answer: the frame around every payload."""

from __future__ import annotations

from typing import Annotated, Final, Self
from uuid import UUID, uuid4

from pydantic import Field, SerializeAsAny, model_validator
from pydantic_core import PydanticCustomError

from messages.agents import AgentMetadata
from messages.model import DEFAULT_VERSION, ProtocolModel, StrictId, UtcDatetime, Version, utc_now
from messages.payload import Payload

DEFAULT_TTL: Final = 30
LONGEST_TTL: Final = 300


class Envelope(ProtocolModel):
    """One message: its payload, and all that is needed to answer it.

    `ttl` is in seconds from `timestamp`; `reply_to` is an address as in `Address`.
    """

    envelope_id: UUID = Field(default_factory=uuid4)
    message_type: str
    correlation_id: UUID | None = None
    reply_to: Annotated[str, Field(max_length=255)] | None = None
    ttl: Annotated[int, Field(ge=1, le=LONGEST_TTL)] = DEFAULT_TTL
    source_agent: AgentMetadata
    target_agent: StrictId | None = None
    version: Version = DEFAULT_VERSION
    timestamp: UtcDatetime = Field(default_factory=utc_now)
    payload: SerializeAsAny[Payload]

    def __eq__(self, other: object) -> bool:
        """Whether two messages say the same: each catalog has an envelope class of its own."""
        if not isinstance(other, Envelope):
            return NotImplemented
        return self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment] # payloads hold free objects

    @model_validator(mode="after")
    def _one_type(self) -> Self:
        if self.message_type != self.payload.message_type:
            raise PydanticCustomError(
                "message_type_mismatch",
                "message_type must be the same in the envelope and in its payload",
            )
        return self
