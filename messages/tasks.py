"""A task and its result: the two payloads most programs live on."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from messages.model import ProtocolModel, UtcDatetime, utc_now

#: Characters of any text in a task.
LONGEST_TEXT: Final = 10_000
CENT: Final = Decimal("0.01")
#: Beyond any budget; keeps a number of five thousand digits from being reckoned with.
LARGEST_BUDGET: Final = Decimal(10) ** 15
#: From this priority on a task must show that it is worth it.
COSTLY_PRIORITY: Final = 8
COSTLY_BUDGET: Final = Decimal("1000.00")
#: Keys that begin so are a processor's own and never written.
PRIVATE: Final = "_private"
SERIALIZER_VERSION: Final = "1.0.0"

_TASK_TYPE: Final = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\]", re.ASCII)


def normalize_task_type(text: str) -> str | None:
    """Return the task type as it is dispatched, in lower case; None where it is none."""
    return text.lower() if _TASK_TYPE.fullmatch(text) else None


def _task_type(text: str) -> str:
    if _TASK_TYPE.fullmatch(text) is None:
        raise PydanticCustomError(
            "invalid_task_type",
            "a task type is 1 to 100 letters, digits, '_' or '-'",
        )
    return text.lower()


def _no_flag(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("decimal_type", "a budget is a number, not true or false")
    return value


def _cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def _callback_url(text: str) -> str:
    if text.startswith("agent://"):
        return text
    parts = urlsplit(text)
    try:
        good = parts.scheme in {"http", "https"} and _HOST.fullmatch(parts.hostname or "")
        _ = parts.port
    except ValueError:
        good = None
    if not good or any(character.isspace() for character in text):
        raise PydanticCustomError(
            "invalid_callback_url",
            "a callback is agent://<id>/<mailbox> or an http(s) URL",
        )
    return text.removesuffix("/")


TaskType = Annotated[str, Field(strict=True), AfterValidator(_task_type)]
Budget = Annotated[
    Decimal,
    BeforeValidator(_no_flag),
    Field(ge=0, le=LARGEST_BUDGET),
    AfterValidator(_cents),
]


class TaskRequest(ProtocolModel):
    """One piece of work, by its task type and parameters.

    `budget` is in whole currency units, rounded to cents; `deadline` is when nobody cares any more.
    """

    model_config = ConfigDict(str_max_length=LONGEST_TEXT, validate_default=True)

    task_id: UUID = Field(default_factory=uuid4)
    task_type: TaskType
    priority: Annotated[int, Field(strict=True, ge=1, le=10)] = 5
    budget: Budget = Decimal("0.00")
    callback_url: Annotated[str, AfterValidator(_callback_url)] | None = None
    parameters: dict[str, Any] = {}
    deadline: UtcDatetime | None = None

    @model_validator(mode="after")
    def _worth_it(self) -> Self:
        if self.priority >= COSTLY_PRIORITY and self.budget < COSTLY_BUDGET:
            raise PydanticCustomError(
                "priority_needs_budget",
                "a priority of {priority} or more needs a budget of at least {budget}",
                {"priority": COSTLY_PRIORITY, "budget": str(COSTLY_BUDGET)},
            )
        return self


class TaskStatus(StrEnum):
    """How a task ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    TIMEOUT = "timeout"


def without_private(value: Any) -> Any:
    """Return the value without keys that begin with `_private`, at any depth."""
    if isinstance(value, dict):
        return {
            key: without_private(inner)
            for key, inner in value.items()
            if not key.startswith(PRIVATE)
        }
    if isinstance(value, list | tuple):
        return [without_private(inner) for inner in value]
    return value


class TaskResult(ProtocolModel):
    """What became of a task; `_meta` is written by us and dropped when read."""

    task_id: UUID
    status: TaskStatus
    completion_time: UtcDatetime
    processing_cost: Annotated[Decimal, BeforeValidator(_no_flag)] = Decimal(0)
    result_data: dict[str, Any] = {}
    error_details: str | None = None
    meta: Any = Field(default=None, alias="_meta", exclude=True, repr=False)

    @model_serializer(mode="wrap")
    def _write(
        self,
        write: SerializerFunctionWrapHandler,
        info: SerializationInfo,
    ) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        written["result_data"] = without_private(written["result_data"])
        stamp = utc_now()
        written["_meta"] = {
            "serialized_at": stamp.isoformat() if info.mode_is_json() else stamp,
            "serializer_version": SERIALIZER_VERSION,
        }
        return written
