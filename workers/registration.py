"""What is said to the author of a processor that cannot be registered."""

from __future__ import annotations

from math import isfinite
from typing import Any

from pydantic import BaseModel, PydanticUserError
from pydantic.errors import PydanticUndefinedAnnotation


class RegistrationError(Exception):
    """A processor that cannot be registered; the message says which and what to change."""


def refuse_number(name: str, value: object, least: float, *, whole: bool = False) -> None:
    """Raise RegistrationError for what is no number, never ends, or is less than `least`."""
    kind = "a whole number" if whole else "a number"
    number = isinstance(value, int) or (isinstance(value, float) and not whole)
    if isinstance(value, bool) or not number:
        raise RegistrationError(f"{name}={value!r} is not {kind}; give {least} or more")
    if not isfinite(value):  # type: ignore[arg-type] # a number, as was just seen
        raise RegistrationError(
            f"{name}={value} bounds nothing; give {kind}, or leave it out: then the worker's own "
            "setting holds, where there is one"
        )
    if value < least:  # type: ignore[operator] # likewise
        raise RegistrationError(f"{name}={value} can never work; give {least} or more")


def refuse_no_model(what: str, given: object) -> None:
    """Raise RegistrationError for what describes no fields."""
    if not (isinstance(given, type) and issubclass(given, BaseModel)):
        raise RegistrationError(
            f"{what} is {_named(given)}, which is no model; give a class that derives from "
            "messages.ProtocolModel or pydantic.BaseModel, with a field for each value"
        )


def refuse_undefined(model: Any, what: str) -> None:
    """Raise RegistrationError for a model that names a class which is not there.

    To be asked once everything is imported: a class may well stand below the one that names it.
    """
    if not (isinstance(model, type) and issubclass(model, BaseModel)) or (
        model.__pydantic_complete__
    ):
        return
    try:
        model.model_rebuild()
    except (PydanticUndefinedAnnotation, PydanticUserError) as error:
        missing = f"{error.name!r}" if isinstance(error, PydanticUndefinedAnnotation) else "a class"
        raise RegistrationError(
            f"{_named(model)}, the model of {what}, names {missing}, which is not defined in "
            f"{model.__module__}: no message could be read; import it there, not only for type "
            "checkers, or define it at the top of that module"
        ) from error


def _named(given: Any) -> str:
    name = getattr(given, "__qualname__", None)
    return repr(given) if name is None else f"{given.__module__}.{name}"
