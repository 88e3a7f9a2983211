"""What the broker's refusal of a declaration says, read tolerantly: its wording is no contract."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from topology.shape import Value

_CODE: Final = re.compile(r"\b([A-Z]{3,}_[A-Z_]{3,})\b")
_ARGUMENT: Final = re.compile(r"inequivalent arg '(?P<argument>[\w-]+)'")
_CURRENT: Final = re.compile(
    r"but current is (?:(?P<none>none)$"
    r"|the value '(?P<typed>.*)' of type '(?P<type>\w+)'"
    r"|'(?P<bare>.*)'$)",
    re.DOTALL,
)
_WHOLE_NUMBER: Final = re.compile(r"-?\d{1,20}", re.ASCII)


class Untold(Enum):
    """Stands for a value that differs from ours and that the broker did not tell.

    Its answers are cut at 255 bytes, so under long names the value falls off the end.
    """

    UNTOLD = "something else"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal: its AMQP name, like `ACCESS_REFUSED`, and what it says about one argument."""

    text: str
    code: str = ""
    argument: str | None = None
    #: What the broker has; None where it has no such argument.
    current: Value | Untold | None = None


def read_refusal(text: str) -> Refusal:
    """Return what can be understood; a text in unknown words is kept as it is."""
    one_line = " ".join(text.split())
    code = _CODE.search(one_line)
    argument = _ARGUMENT.search(one_line)
    return Refusal(
        text=one_line,
        code=code[1] if code else "",
        argument=argument["argument"] if argument else None,
        current=_current(one_line) if argument else None,
    )


def adopt(ours: Mapping[str, Value], refusal: Refusal) -> dict[str, Value] | None:
    """Return the declaration as the broker says it has it, to be told the next difference.

    None when there is nothing more to learn: it did not name an argument or tell its value, or told
    one that we have already.
    """
    name, current = refusal.argument, refusal.current
    if name is None or isinstance(current, Untold):
        return None
    changed = {known: value for known, value in ours.items() if known != name}
    if current is not None:
        changed[name] = _like(ours.get(name), current)
    return None if changed == dict(ours) else changed


def advice(refusal: Refusal) -> str:
    """Return what a person can do about a refusal."""
    match refusal.code:
        case "ACCESS_REFUSED":
            return "apply as the user of the topology role, or give this one its permissions"
        case "PRECONDITION_FAILED":
            return "it was made otherwise meanwhile, or this broker is too old: run the plan again"
        case "NOT_FOUND":
            return "it went away meanwhile or its node is down: look, then apply again"
        case _:
            return "look into the broker's log, then apply again"


def _current(text: str) -> Value | Untold | None:
    told = _CURRENT.search(text)
    if told is None:
        return Untold.UNTOLD
    if told["none"] is not None:
        return None
    if told["bare"] is not None:
        return told["bare"]
    if told["type"] == "bool":
        return told["typed"] == "true"
    if told["type"] not in {"longstr", "binary"} and _WHOLE_NUMBER.fullmatch(told["typed"]):
        return int(told["typed"])
    return told["typed"]


def _like(ours: Value | None, current: Value) -> Value:
    """Return a value told without its type as the type that ours has."""
    if isinstance(current, str) and isinstance(ours, bool):
        return current == "true"
    if isinstance(current, str) and isinstance(ours, int) and _WHOLE_NUMBER.fullmatch(current):
        return int(current)
    return current
