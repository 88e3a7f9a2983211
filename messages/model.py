"""What every model of the protocol has in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID, uuid4

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from pydantic_core import PydanticKnownError

#: Characters of an id that names somebody.
LONGEST_ID: Final = 128
DEFAULT_VERSION: Final = "1.0.0"


#: The zone of what is written with a Z, as the library makes it: nearly every time has it.
_ZULU: Final = TypeAdapter(datetime).validate_json('"1970-01-01T00:00:00Z"').tzinfo


def _in_utc(value: datetime) -> datetime:
    """Return the instant in UTC; one without a zone is taken for UTC."""
    if value.tzinfo is _ZULU:
        return value
    offset = value.utcoffset()
    if offset is None:
        return value.replace(tzinfo=UTC)
    if not offset:
        return value
    try:
        return value.astimezone(UTC)
    except OverflowError:  # within hours of year 1 or 9999
        raise PydanticKnownError("datetime_parsing", {"error": "out of range in UTC"}) from None


def utc_now() -> datetime:
    """Return this instant, aware."""
    return datetime.now(UTC)


def dropped(_value: object) -> None:
    """Stand in a field's validator for what we write and do not read."""


UtcDatetime = Annotated[datetime, AfterValidator(_in_utc)]
#: A string that a number or a boolean cannot stand in for.
StrictId = Annotated[str, Field(strict=True, min_length=1, max_length=LONGEST_ID)]
Version = Annotated[
    str,
    StringConstraints(
        strict=True, pattern=r"^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$"
    ),
]


class ProtocolModel(BaseModel):
    """A frozen model that takes what its fields name and nothing else."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        str_strip_whitespace=True,
        cache_strings="all",
        allow_inf_nan=False,
        use_enum_values=False,
        ser_json_inf_nan="constants",
        validate_default=False,
        hide_input_in_errors=True,
    )


class Message(ProtocolModel):
    """A message on its own, outside an envelope."""

    message_id: UUID = Field(default_factory=uuid4)
    timestamp: UtcDatetime = Field(default_factory=utc_now)
    version: Version = DEFAULT_VERSION
    sender_id: StrictId
