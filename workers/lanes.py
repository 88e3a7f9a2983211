"""Lanes: how much validation a queue pays for. What is bad has the same end in each of them. Pure.

| lane | good messages | whatever else |
|---|---|---|
| full | the tagged union of models | - |
| typed | lean forms first, a TypedDict with its adapter | full |
| trusted | of senders on the list: made, not validated | full |
| cached | payloads seen before, byte for byte | full |
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from uuid import UUID, uuid4

from pydantic import BaseModel

from messages import InvalidMessage, TaskRequest, TaskRequestPayload
from messages.lean import LeanReader
from messages.model import utc_now
from messages.trusting import Doubtful, Trusting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from messages import Catalog, Envelope, ValidationContext

    M = TypeVar("M", bound=BaseModel)
    Decode = Callable[[bytes, ValidationContext], Envelope]

#: Messages the cached lane remembers, and bytes of one that is remembered.
MOST_CACHED: Final = 1_024
LARGEST_CACHED: Final = 16 * 1024
#: Types whose values cannot change.
_FIXED: Final = frozenset({str, int, float, bool, type(None), UUID, Decimal, datetime})


class Lane(NamedTuple):
    """How a group decodes; as its settings say."""

    name: str = "full"
    #: Users of the broker whose messages are not validated in the lane `trusted`.
    trusted: frozenset[str] = frozenset()


def decoder(lane: Lane, catalog: Catalog) -> Decode:
    """Return what turns a body into a message in this lane; it raises InvalidMessage only."""
    full = _Full(catalog)
    match lane.name:
        case "typed":
            return _Typed(full).decode
        case "trusted":
            return _Trusted(full, lane.trusted).decode
        case "cached":
            return _Cached(full).decode
        case _:
            return full.decode


class _Full:
    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.lean = LeanReader(catalog)

    def decode(self, body: bytes, context: ValidationContext) -> Envelope:
        """Validate everything; a lean message is looked for where there is no envelope."""
        try:
            return self.catalog.decode(body, context=context)
        except InvalidMessage as invalid:
            lean = self.lean.read(body, context=context)
            if lean is None:
                raise invalid from None
            return lean


class _Typed:
    def __init__(self, full: _Full) -> None:
        self._read = full.lean.read
        self._full = full.catalog.decode

    def decode(self, body: bytes, context: ValidationContext) -> Envelope:
        """Validate lean messages by their TypedDict, and all others in full."""
        lean = self._read(body, context=context)
        return self._full(body, context=context) if lean is None else lean


class _Trusted:
    def __init__(self, full: _Full, trusted: frozenset[str]) -> None:
        self._full = full.decode
        self._trusted = trusted
        self._read = Trusting(full.catalog).read

    def decode(self, body: bytes, context: ValidationContext) -> Envelope:
        """Believe whom the broker vouches for and the group trusts; validate everybody else."""
        if context.requesting_agent_id in self._trusted:
            try:
                return self._read(body, context=context)
            except Doubtful:
                pass
        return self._full(body, context)


class _Known(dict[str, Any]):
    """What the worker knows, and whether a validation asked: then its verdict may not last."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        super().__init__(known)
        self.asked = False

    def get(self, key: str, default: Any = None) -> Any:
        self.asked = True
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.asked = True
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.asked = True
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        self.asked = True
        return super().__iter__()


class _Cached:
    """Remembers valid messages by their bytes and by all of the context a verdict depends on.

    Ids and times that a sender left to us are made anew for each message, and free objects are
    copied, so that one message never sees what was done to another. Lateness is the pipeline's to
    see, each time.
    """

    def __init__(self, full: _Full) -> None:
        self._full = full.decode
        self._cache: OrderedDict[tuple[bytes, tuple[Any, ...]], Envelope] = OrderedDict()

    def decode(self, body: bytes, context: ValidationContext) -> Envelope:
        """Return a message known by its bytes, or validate it."""
        cache = self._cache
        key = (
            body,
            (
                context.security_level,
                context.requesting_agent_id,
                context.operation_type,
                context.maintenance,
                context.high_value_approved,
                context.forbidden_words,
            ),
        )
        found = cache.get(key)
        if found is not None:
            cache.move_to_end(key)
            return _renewed(found)
        known = _Known(context.known)
        envelope = self._full(body, context._replace(known=known))
        if not known.asked and len(body) <= LARGEST_CACHED and _lasting(envelope.payload):
            cache[key] = _renewed(envelope)
            if len(cache) > MOST_CACHED:
                cache.popitem(last=False)
        return envelope


def _renewed(envelope: Envelope) -> Envelope:
    values = envelope.__dict__.copy()
    told = envelope.__pydantic_fields_set__
    if "envelope_id" not in told:
        values["envelope_id"] = uuid4()
    if "timestamp" not in told:
        values["timestamp"] = utc_now()
    payload = envelope.payload
    if isinstance(payload, TaskRequestPayload) and _unnamed(payload):
        request = _like(payload.request, payload.request.__dict__ | {"task_id": uuid4()})
        payload = _like(payload, payload.__dict__ | {"request": request})
    values["payload"] = _copied(payload)
    return _like(envelope, values)


def _like(model: M, values: dict[str, Any]) -> M:
    """Return a model like another, with these values; nothing is validated."""
    made = model.__new__(type(model))
    object.__setattr__(made, "__dict__", values)
    object.__setattr__(made, "__pydantic_fields_set__", model.__pydantic_fields_set__)
    object.__setattr__(made, "__pydantic_extra__", model.__pydantic_extra__)
    object.__setattr__(made, "__pydantic_private__", model.__pydantic_private__)
    return made


def _unnamed(payload: TaskRequestPayload) -> bool:
    return "task_id" not in payload.request.model_fields_set


def _lasting(value: Any) -> bool:
    """Whether a payload says all that is its sender's to say, but for a task's id.

    What a model makes up for each message, an id or a time, must not be the same for two.
    """
    if isinstance(value, dict):
        return all(map(_lasting, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_lasting, value))
    if not isinstance(value, BaseModel):
        return True
    told = value.model_fields_set
    made = [
        name
        for name, field in type(value).model_fields.items()
        if field.default_factory is not None and name not in told
    ]
    if isinstance(value, TaskRequest):
        made = [name for name in made if name != "task_id"]
    return not made and all(map(_lasting, value.__dict__.values()))


def _copied(value: Any) -> Any:
    """Return the value with containers of its own; what cannot change stays the same."""
    kind = type(value)
    if kind in _FIXED:
        return value
    if kind is dict:
        return {key: _copied(inner) for key, inner in value.items()}
    if kind is list:
        return list(map(_copied, value))
    if kind is tuple:
        return value if all(type(one) in _FIXED for one in value) else tuple(map(_copied, value))
    if not isinstance(value, BaseModel):
        return value
    values = None
    for name, inner in value.__dict__.items():
        copy = inner if type(inner) in _FIXED else _copied(inner)
        if copy is not inner:
            if values is None:
                values = value.__dict__.copy()
            values[name] = copy
    return value if values is None else _like(value, values)
