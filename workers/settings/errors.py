"""Trouble with the settings as one line a problem: where it was written, why it fails, the fix."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from workers.settings.groups import GroupSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

#: Characters of a refused value that are shown again; enough to recognise it.
LONGEST_SHOWN: Final = 60

#: What pydantic's own refusals mean to a person; its texts name Python's types.
_MEANING: Final[Mapping[str, str]] = {
    "int_parsing": "is no whole number; write digits alone, such as 50",
    "int_type": "is no whole number; write digits alone, such as 50",
    "int_from_float": "is no whole number; write digits alone, such as 50",
    "float_parsing": "is no number; write digits, such as 2.5",
    "float_type": "is no number; write digits, such as 2.5",
    "bool_parsing": "is neither on nor off; write one of the two",
    "bool_type": "is neither on nor off; write one of the two",
    "string_type": "is no text; write it in quotes",
    "dict_type": "is no table; write a name and a value for each entry",
    "model_type": "is no table; write a name and a value for each entry",
    "tuple_type": "is no list; write its entries in brackets",
}


class SettingsError(Exception):
    """Ends the command before anything is done; `problems` holds one line for each mistake."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[SettingsError], tuple[tuple[str, ...]]]:
        """Let a worker process hand it to its supervisor."""
        return type(self), (self.problems,)


def unknown(name: str, known: Iterable[str]) -> str:
    """Return the line about a name that means nothing here, with the nearest one that does."""
    candidates = sorted(known)
    near = get_close_matches(name, candidates, n=1, cutoff=0.6)
    if near:
        return f"{name} is no setting: did you mean {near[0]}? Rename or remove it"
    return (
        f"{name} is no setting and nothing is called like it: remove it "
        "(`leveret config show` lists every setting)"
    )


def problems_of(
    error: ValidationError, sources: Mapping[str, str], secret: frozenset[str]
) -> tuple[str, ...]:
    """Return one line for each refused setting, led by the place where it was written.

    `sources` says where each top-level setting came from; the values of those in `secret` are never
    repeated.
    """
    return tuple(_line(one, sources, secret) for one in error.errors(include_url=False))


def _line(error: ErrorDetails, sources: Mapping[str, str], secret: frozenset[str]) -> str:
    setting = str(error["loc"][0]) if error["loc"] else ""
    path = ".".join(str(part) for part in error["loc"])
    source = sources.get(setting)
    where = f"{path} (from {source})" if source else path or "settings"
    if error["type"] == "extra_forbidden":
        # Only a group's table gets here: names on the top level were looked at before.
        return unknown(
            path, (f"{path.rpartition('.')[0]}.{key}" for key in GroupSettings.model_fields)
        )
    if error["type"] == "value_error":
        return f"{where}: {error.get('ctx', {}).get('error')}"
    shown = "" if setting in secret else f"{repr(error['input'])[:LONGEST_SHOWN]} "
    if error["type"] == "literal_error":
        expected = error.get("ctx", {}).get("expected", "")
        return f"{where}: {shown}is none of the choices; write {expected}"
    meaning = _MEANING.get(error["type"])
    return f"{where}: {shown}{meaning}" if meaning else f"{where}: {error['msg']}"
