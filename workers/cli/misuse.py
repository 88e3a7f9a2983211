"""What the option parser refuses, in the words of the command line: no types of Python's."""

from __future__ import annotations

from pathlib import Path
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

from cyclopts import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    UnknownOptionError,
    UnusedCliTokensError,
)

#: What a value of each type is called.
_KINDS: Final = {
    bool: "yes or no",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
}
#: What the settings begin with that are of one part of a worker, and called shorter by people.
_PARTS: Final = ("", "http_")


def told(error: CycloptsError) -> str:
    """Return what is wrong and what to write in its place, on one line."""
    match error:
        case CoercionError(msg=None, token=token) if token is not None:
            kinds = list(dict.fromkeys(_kinds(error.target_type)))
            if kinds:
                name = token.keyword or _called(error)
                return f"{name} takes {' or '.join(kinds)}, not {token.value[:60]!r}"
        case MissingArgumentError():
            return _missing(error)
        case UnknownOptionError():
            option = (error.token.keyword or error.token.value).partition("=")[0]
            if variable := _setting(option):
                return f"unknown option {option}; set {variable} in the environment in its place"
        case UnusedCliTokensError(unused_tokens=list(unused)):
            return _unused(unused, error)
        case _:
            pass
    return " ".join(str(error).split())


def _missing(error: MissingArgumentError) -> str:
    if error.keyword is not None or (error.argument and error.argument.tokens):
        return f"{error.keyword or _called(error)} needs a value after it"
    verb = " ".join(error.command_chain or ())
    return f"`leveret {verb}` needs {_called(error)}: nothing was given for it"


def _unused(unused: list[str], error: UnusedCliTokensError) -> str:
    first = unused[0]
    if "=" in first and list(error.command_chain or ()) == ["publish"]:
        return f"nothing takes {first[:60]!r}: write -p before each parameter: -p {first[:60]}"
    return f"nothing takes {first[:60]!r} here: leave it out, or quote what belongs together"


def _called(error: CycloptsError) -> str:
    """Return how the page of help calls it: NAME where it goes by its place, else --name."""
    argument = error.argument
    if argument is None:
        return "it"
    by_place = argument.field_info.is_positional and argument.index is not None
    return argument.name.lstrip("-").replace("-", "_").upper() if by_place else argument.name


def _kinds(kind: Any) -> list[str]:
    """Return what is said of a type and of each that it is made of; None is nothing to write."""
    if get_origin(kind) is Literal:
        return [str(one) for one in get_args(kind)]
    if inner := get_args(kind):
        return [said for one in inner if one is not NoneType for said in _kinds(one)]
    return [_KINDS[kind]] if kind in _KINDS else []


def _setting(option: str) -> str | None:
    """Return the variable of a setting that is called like an option which there is not."""
    from workers.settings import Settings  # noqa: PLC0415 - only this mistake pays for it

    name = option.lstrip("-").replace("-", "_")
    fields = Settings.model_fields
    found = next((part + name for part in _PARTS if part + name in fields), None)
    return f"LEVERET_{found.upper()}" if found else None
