r"""Whether every key of a task stands once, proved by counting: so that most bodies are read once.

Behind every key stands `":`. A model has as many fields set as its object had different keys, and
so has a free object as many keys; so where both counts are equal, no key came twice. Inside strings
`":` stands only as `\":`, which makes the counts differ, as does everything else that could hide a
key: then nothing is proved, and `strictness` looks at the bytes.

Of tasks alone it is known that nothing but their senders sets their fields.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from messages.shipped import TaskRequestPayload
from messages.strictness import LARGEST, SMALLEST

if TYPE_CHECKING:
    from collections.abc import Collection

    from messages.envelope import Envelope

#: Bytes of a body that is counted quicker than read again: two bytes are searched for one by one.
LONGEST: Final = 4_096
#: Free objects and lists within one another that are counted.
MOST_DEEP: Final = 16
#: More keys than a body of that length can have: what is counted so proves nothing.
_DOUBT: Final = LONGEST
#: What holds neither keys nor numbers.
_PLAIN: Final = frozenset({str, bool, type(None)})
#: White space, as numbers: given a byte as `bytes`, `in` tries it as a number first, and fails.
_BLANK, _TAB, _NEWLINE, _RETURN = b" \t\n\r"


def stand_once(body: bytes, envelope: Envelope) -> bool:
    """Whether a task's message has no key twice, and no number that cannot be written again.

    True is proved; False proves nothing. `envelope` is what was validated from these bytes.
    """
    payload = envelope.payload
    if type(payload) is not TaskRequestPayload or len(body) > LONGEST or _may_be_spaced(body):
        return False
    request, agent = payload.request, envelope.source_agent
    keys = (
        len(envelope.__pydantic_fields_set__)
        + len(payload.__pydantic_fields_set__)
        + len(request.__pydantic_fields_set__)
        + len(agent.__pydantic_fields_set__)
    )
    if request.parameters:
        keys += _keys_in(request.parameters, MOST_DEEP)
    if payload.execution_context:
        keys += _keys_in(payload.execution_context, MOST_DEEP)
    if agent.__pydantic_extra__:  # its own keys are among the fields set
        keys += _keys_in(agent.__pydantic_extra__.values(), MOST_DEEP)
    return body.count(b'":') == keys


def _may_be_spaced(body: bytes) -> bool:
    """Whether white space may stand between a key and its colon."""
    if _NEWLINE in body or _TAB in body or _RETURN in body:
        return True
    return _BLANK in body and body.find(b'" ') >= 0


def _keys_in(container: Collection[Any], levels: int) -> int:
    """Return how many keys are in an object or list; `_DOUBT` or more for what is deep or odd."""
    keys, values = 0, container
    if type(container) is dict:
        keys, values = len(container), container.values()
    for value in values:
        kind = type(value)
        if kind in _PLAIN:
            continue
        if kind is dict or kind is list:
            keys += _keys_in(value, levels - 1) if levels > 1 else _DOUBT
        elif not (
            (kind is int and SMALLEST <= value <= LARGEST) or (kind is float and isfinite(value))
        ):
            keys += _DOUBT
    return keys
