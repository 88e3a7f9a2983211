"""Business rules that hold for any model with the fields they are about.

Inherit from `BusinessRules` beside `Payload`: a field `operation` is watched in maintenance, a
field `amount` (or those named in `amounts`) needs approval above `LARGE_AMOUNT`, and text fields
named `financial…` must be free of forbidden words. What is allowed comes from the context.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Final, Self

from pydantic import ValidationError, ValidationInfo, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from messages.context import ValidationContext, context_of
from messages.model import ProtocolModel

#: In whole currency units; more needs `high_value_approved`.
LARGE_AMOUNT: Final = Decimal(10_000)
#: What changes something, and has to wait while there is maintenance.
CHANGING: Final = frozenset({"create", "update", "delete"})
FINANCIAL: Final = "financial"


class BusinessRules(ProtocolModel):
    """Checks the rules of the house once the fields themselves are right."""

    #: Fields that hold an operation, and fields that hold an amount.
    operations: ClassVar[tuple[str, ...]] = ("operation",)
    amounts: ClassVar[tuple[str, ...]] = ("amount",)

    @model_validator(mode="after")
    def _by_the_rules(self, info: ValidationInfo) -> Self:
        context = context_of(info) or ValidationContext()
        broken = [
            *_maintenance(self, context),
            *_large(self, context),
            *_compliance(self, context),
        ]
        if broken:
            raise ValidationError.from_exception_data(
                type(self).__name__,
                [InitErrorDetails(type=error, loc=(name,), input=None) for name, error in broken],
                hide_input=True,
            )
        return self


_Broken = list[tuple[str, PydanticCustomError]]


def _maintenance(model: BusinessRules, context: ValidationContext) -> _Broken:
    if not context.maintenance:
        return []
    error = PydanticCustomError(
        "maintenance_mode_restriction",
        "there is maintenance: create, update and delete have to wait; try again later",
    )
    fields = [(name, getattr(model, name, None)) for name in model.operations]
    return [
        (name, error)
        for name, value in fields
        if isinstance(value, str) and str(value).lower() in CHANGING
    ]


def _large(model: BusinessRules, context: ValidationContext) -> _Broken:
    if context.high_value_approved:
        return []
    error = PydanticCustomError(
        "large_transaction_approval",
        "more than {most} needs an approval that this sender does not have",
        {"most": str(LARGE_AMOUNT)},
    )
    return [(name, error) for name in model.amounts if _is_large(getattr(model, name, None))]


def _is_large(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and abs(Decimal(value)) > LARGE_AMOUNT


def _compliance(model: BusinessRules, context: ValidationContext) -> _Broken:
    words = context.forbidden_words
    error = PydanticCustomError("compliance_violation", "a word stands here that must not")
    fields = [
        (name, getattr(model, name))
        for name in type(model).model_fields
        if FINANCIAL in name.lower()
    ]
    return [
        (name, error)
        for name, value in fields
        if isinstance(value, str) and any(word.casefold() in value.casefold() for word in words)
    ]
