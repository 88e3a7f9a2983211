"""Many messages as one: told apart one by one, counted and timed, written in one pass. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from messages.codes import ErrorCode
from messages.errors import InvalidMessage
from messages.fast import CompactMessage
from messages.parameters import decode_parameters
from messages.shipped import BatchPayload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

T = TypeVar("T")

#: Invalid messages of one batch that get an end of their own; each costs a dead letter, and a
#: small body must not cost a million. A batch with more is refused as one.
MOST_APART: Final = 1_000
BATCH: Final = BatchPayload.message_type_name()
_compact: Final = TypeAdapter(CompactMessage)


class Figures(NamedTuple):
    """How a batch went: how many messages, and seconds for each step."""

    total: int = 0
    valid: int = 0
    invalid: int = 0
    filtering: float = 0.0
    validating: float = 0.0
    serializing: float = 0.0

    @property
    def messages_per_second(self) -> float:
        """Of all messages, in all steps."""
        seconds = self.filtering + self.validating + self.serializing
        return self.total / seconds if seconds else 0.0

    def told(self) -> dict[str, float]:
        """Return them by name, the rate included."""
        return {**self._asdict(), "messages_per_second": self.messages_per_second}


class Sorted(NamedTuple, Generic[T]):
    """A batch told apart: what is valid, and where and why the rest is not."""

    valid: list[T]
    invalid: list[tuple[int, InvalidMessage]]
    figures: Figures


class BatchReader(Generic[T]):
    """Reads many documents of one type: all at once where all are good, else one by one."""

    def __init__(self, adapter: TypeAdapter[T], clock: Callable[[], float]) -> None:
        self._one = adapter
        self._all = TypeAdapter(list[adapter._type])  # type: ignore[name-defined] # noqa: SLF001 - a list of the adapter's own type
        self._clock = clock

    def read(self, documents: Sequence[bytes]) -> Sorted[T]:
        """Return what is valid in order, what is not with its place, and the figures."""
        began = self._clock()
        whole = b"[" + b",".join(documents) + b"]"
        filtered = self._clock()
        invalid: list[tuple[int, InvalidMessage]] = []
        try:
            valid: list[T] = self._all.validate_json(whole)
            together = len(valid) == len(documents)
        except ValidationError:
            together = False
        if not together:
            valid = self._apart(documents, invalid)
        figures = Figures(
            len(documents),
            len(valid),
            len(invalid),
            filtered - began,
            self._clock() - filtered,
        )
        return Sorted(valid, invalid, figures)

    def _apart(
        self, documents: Sequence[bytes], invalid: list[tuple[int, InvalidMessage]]
    ) -> list[T]:
        valid: list[T] = []
        for place, document in enumerate(documents):
            try:
                valid.append(self._one.validate_json(document))
            except ValidationError:
                try:
                    valid.append(decode_parameters(self._one, from_json(document)))
                except InvalidMessage as refused:
                    invalid.append((place, refused))
                except ValueError:
                    reason = "this is not one JSON document in UTF-8"
                    invalid.append((place, InvalidMessage(ErrorCode.INVALID_JSON, reason)))
        return valid


class Apart(NamedTuple):
    """One invalid message of a batch, as a batch of its own that can be mended and sent again."""

    place: int
    body: bytes
    #: With places in `body`.
    invalid: InvalidMessage
    #: With places in the batch it came in.
    told: InvalidMessage


class Parted(NamedTuple):
    """A batch message without its invalid messages, and those by themselves."""

    body: bytes
    apart: tuple[Apart, ...]
    figures: Figures


def part(body: bytes, clock: Callable[[], float]) -> Parted | None:
    """Return a refused batch message told apart; None where it is bad as a whole."""
    began = clock()
    try:
        document = from_json(body, allow_inf_nan=False)
        payload = document["payload"]
        messages = payload["messages"]
        if payload["message_type"] != BATCH or payload["count"] != len(messages):
            return None
    except (ValueError, TypeError, KeyError):
        return None
    filtered = clock()
    if not isinstance(messages, list):
        return None
    refused: dict[int, InvalidMessage] = {}
    for place, one in enumerate(messages):
        if why := _refusal(one, place):
            refused[place] = why
            if len(refused) > MOST_APART:  # not worth a look at the rest: one body may hold 50,000
                return None
    validated = clock()
    if not refused:
        return None
    good = [one for place, one in enumerate(messages) if place not in refused]
    if not good:
        return None
    apart = tuple(
        Apart(
            place, _batch_of(document, [messages[place]]), _refusal(messages[place], 0) or why, why
        )
        for place, why in refused.items()
    )
    kept = _batch_of(document, good)
    figures = Figures(
        len(messages),
        len(good),
        len(refused),
        filtered - began,
        validated - filtered,
        clock() - validated,
    )
    return Parted(kept, apart, figures)


def _refusal(message: Any, place: int) -> InvalidMessage | None:
    try:
        decode_parameters(_compact, message, prefix=("payload", "messages", place))
    except InvalidMessage as refused:
        return refused
    return None


def _batch_of(document: dict[str, Any], messages: list[Any]) -> bytes:
    payload = {**document["payload"], "count": len(messages), "messages": messages}
    payload.pop("total_payload_size", None)
    return to_json({**document, "payload": payload})


def write_batch(
    batch_id: int, messages: Iterable[CompactMessage], write: Callable[[bytes], object]
) -> int:
    """Write the payload of a batch message piece by piece; returns how many messages it has.

    Each message is made into bytes once and handed on: nothing is held but the one at hand.
    """
    write(b'{"message_type":"batch","batch_id":%d,"messages":[' % batch_id)
    count = size = 0
    for message in messages:
        payload = to_json(message.payload)
        size += len(payload)
        write(b"," if count else b"")
        write(
            b'{"msg_id":%d,"msg_type":"%s","payload":' % (message.msg_id, message.msg_type.encode())
        )
        write(payload)
        write(b',"headers":')
        write(to_json(message.headers))
        write(b"}")
        count += 1
    write(b'],"count":%d,"total_payload_size":%d}' % (count, size))
    return count
