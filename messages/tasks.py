"""A task and its result: the two payloads most programs live on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Final, Self
from uuid import UUID, uuid4

import orjson
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    HttpUrl,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_serializer,
    model_validator,
)
from pydantic_core import (
    InitErrorDetails,
    PydanticCustomError,
    PydanticKnownError,
    core_schema,
)

from messages.context import context_of
from messages.model import ProtocolModel, UtcDatetime, dropped, utc_now

#: Characters of any text in a task.
LONGEST_TEXT: Final = 10_000
CENT: Final = Decimal("0.01")
_NOTHING: Final = Decimal("0.00")
#: Beyond any budget; keeps a number of five thousand digits from being reckoned with.
LARGEST_BUDGET: Final = Decimal(10) ** 15
#: Characters of an amount that is remembered; nobody needs more.
LONGEST_KNOWN: Final = 32
#: From this priority on a task must show that it is worth it.
COSTLY_PRIORITY: Final = 8
COSTLY_BUDGET: Final = Decimal("1000.00")
#: Keys that begin so are a processor's own and never written.
PRIVATE: Final = "_private"
SERIALIZER_VERSION: Final = "1.0.0"

_TASK_TYPE: Final = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_WEB: Final = re.compile(r"https?://[^/?#]", re.IGNORECASE)
_url: Final = TypeAdapter(HttpUrl).validator


def normalize_task_type(text: str) -> str | None:
    """Return the task type as it is dispatched, in lower case; None where it is none."""
    return text.lower() if _TASK_TYPE.fullmatch(text) else None


def _budget(value: Any) -> Decimal:
    """Return an amount in cents; takes whole numbers, floats, texts and decimals."""
    kind = type(value)
    if kind is str:
        if len(value) <= LONGEST_KNOWN:
            return _known_amount(value)
        if len(value) > LONGEST_TEXT:
            raise PydanticKnownError("string_too_long", {"max_length": LONGEST_TEXT})
    elif kind is float:
        value = repr(value)
    elif kind is bool or not isinstance(value, int | str | Decimal):
        raise PydanticKnownError("decimal_type")
    return _amount(value)


def _amount(value: int | str | Decimal) -> Decimal:
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise PydanticKnownError("decimal_parsing") from None
    if not amount.is_finite():
        raise PydanticKnownError("finite_number")
    if amount < 0:
        raise PydanticKnownError("greater_than_equal", {"ge": 0})
    if amount > LARGEST_BUDGET:
        raise PydanticKnownError("less_than_equal", {"le": int(LARGEST_BUDGET)})
    cents = amount.quantize(CENT, rounding=ROUND_HALF_UP)
    return cents or _NOTHING  # there is a negative zero


#: Senders name few different amounts, and most of them none: reckoning is done once for each.
_known_amount: Final = lru_cache(maxsize=1_024)(_amount)


def _no_flag(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("decimal_type")
    return value


def _callback_url(text: str) -> str:
    if text.startswith("agent://"):
        return text
    if _WEB.match(text) is None or any(map(_unprintable, text)):
        raise _no_callback()
    try:
        _url.validate_python(text)
    except ValidationError:
        raise _no_callback() from None
    return text.rstrip("/")


def _unprintable(character: str) -> bool:
    return character.isspace() or not character.isprintable()


def _no_callback() -> PydanticCustomError:
    return PydanticCustomError(
        "invalid_callback_url", "a callback is agent://<id>/<mailbox> or an http(s) URL"
    )


def _short_texts(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse a text that is too long, wherever in the parameters it stands."""
    if not value:
        return value
    try:
        if len(orjson.dumps(value)) <= LONGEST_TEXT:
            return value
    except TypeError:  # what JSON has no place for, given by a program and not by a sender
        pass
    long = [
        InitErrorDetails(
            type="string_too_long", loc=place, input=None, ctx={"max_length": LONGEST_TEXT}
        )
        for place in _long_texts(value)
    ]
    if long:
        raise ValidationError.from_exception_data("parameters", long, hide_input=True)
    return value


def _long_texts(value: Any) -> Iterator[tuple[str | int, ...]]:
    open_: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while open_:
        place, inner = open_.pop()
        if isinstance(inner, str):
            if len(inner) > LONGEST_TEXT:
                yield place
        elif isinstance(inner, dict):
            open_ += [((*place, key), each) for key, each in inner.items()]
            if any(isinstance(key, str) and len(key) > LONGEST_TEXT for key in inner):
                yield place
        elif isinstance(inner, list | tuple):
            open_ += [((*place, index), each) for index, each in enumerate(inner)]


def _ahead(deadline: datetime, info: ValidationInfo) -> datetime:
    """Refuse a deadline that has passed, but for a worker: to it the task is late, not wrong."""
    if context_of(info) is None and deadline <= utc_now():
        raise PydanticCustomError("deadline_passed", "a deadline is in the future")
    return deadline


class _InvalidTaskType:
    """Gives every misfit of a task type one error type of its own."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Wrap what the annotation has so far."""
        return core_schema.custom_error_schema(
            handler(source),
            custom_error_type="invalid_task_type",
            custom_error_message="a task type is 1 to 100 letters, digits, '_' or '-'",
        )


TaskType = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_-]{1,100}$", to_lower=True),
    _InvalidTaskType(),
]
Budget = Annotated[Decimal, BeforeValidator(_budget), Field(json_schema_extra={"minimum": 0})]


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
    parameters: Annotated[dict[str, Any], AfterValidator(_short_texts)] = {}
    deadline: Annotated[UtcDatetime, AfterValidator(_ahead)] | None = None

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
            if not (isinstance(key, str) and key.startswith(PRIVATE))
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
    meta: Annotated[Any, BeforeValidator(dropped)] = Field(
        default=None, alias="_meta", exclude=True, repr=False
    )

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
