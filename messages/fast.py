"""Messages for the fast lanes: concrete types, no defaults validated, unknown fields ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import to_json
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12


class _Lean(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        validate_default=False,
        hide_input_in_errors=True,
    )


class CompactMessage(_Lean):
    """The smallest message there is; batches are made of them."""

    msg_id: int
    msg_type: Literal["req", "resp", "notif"]
    payload: dict[str, Any]
    headers: list[tuple[str, str]] = []


class OptimizedMessage(_Lean):
    """A message whose content length is known before its content is read."""

    message_type: Literal["request", "response", "notification"]
    payload: dict[str, Any]
    headers: list[tuple[str, str]] = []
    #: Bytes of the payload as JSON; computed where it is not given.
    content_length: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _measure(self) -> Self:
        if self.content_length is None:
            object.__setattr__(self, "content_length", len(to_json(self.payload)))
        return self


class HighSpeedMessage(TypedDict):
    """The hottest one, validated as a plain dictionary."""

    msg_id: int
    msg_type: str
    data: dict[str, Any]
    timestamp: float
