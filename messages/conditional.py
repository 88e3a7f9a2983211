"""Models in which one field, `mode`, decides the rules of the others.

class Form(ConditionalModel):
    name: ConditionalText
    note: ConditionalText | None = None
    needed_when_strict = ("note",)

strict: texts are letters and digits only, and what `needed_when_strict` names must be there.
normal: texts are strings.
relaxed: anything becomes a string, as it is written in JSON.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, ValidationError, ValidationInfo, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, to_json

from messages.model import ProtocolModel


class Mode(StrEnum):
    """How much is asked of the other fields."""

    STRICT = "strict"
    RELAXED = "relaxed"
    NORMAL = "normal"


def _by_mode(value: Any, info: ValidationInfo) -> Any:
    # A mode that is itself wrong is told on its own; nothing can be said about the rest.
    mode = info.data.get("mode")
    if mode is Mode.RELAXED and not isinstance(value, str):
        return to_json(value).decode()
    if mode is Mode.STRICT and isinstance(value, str) and not value.strip().isalnum():
        raise PydanticCustomError(
            "not_alphanumeric", "in strict mode this is letters and digits only"
        )
    return value


#: A string whose rule follows the model's `mode`.
ConditionalText = Annotated[str, BeforeValidator(_by_mode)]


class ConditionalModel(ProtocolModel):
    """Subclass it; `mode` stands first, so that the other fields can follow it."""

    #: Optional fields that are required in strict mode, also when they are absent altogether.
    needed_when_strict: ClassVar[tuple[str, ...]] = ()

    mode: Mode = Mode.NORMAL

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.mode is not Mode.STRICT:
            return self
        absent = [name for name in self.needed_when_strict if getattr(self, name) is None]
        if absent:
            error = PydanticCustomError(
                "required_in_strict_mode", "in strict mode this is required"
            )
            raise ValidationError.from_exception_data(
                type(self).__name__,
                [InitErrorDetails(type=error, loc=(name,), input=None) for name in absent],
                hide_input=True,
            )
        return self
