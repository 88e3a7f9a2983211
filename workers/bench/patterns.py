"""Ways to decode the same messages, timed side by side: what each costs and what it is for."""

from __future__ import annotations

import gc
import statistics
import tracemalloc
from time import process_time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
from pydantic import TypeAdapter
from pydantic_core import SchemaValidator

from messages import (
    SHIPPED_PAYLOADS,
    AgentMetadata,
    Catalog,
    Envelope,
    TaskRequest,
    TaskRequestPayload,
    ValidationContext,
)
from messages.batching import BatchReader
from workers.bench.mirrors import EnvelopeDict, bodies, msgspec_decode
from workers.lanes import Lane, decoder

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[[list[bytes]], list[Any]]

#: Bodies that repeat, for what remembers them; and messages of one batch.
REPEATED: Final = 100
IN_A_BATCH: Final = 100


class Pattern(NamedTuple):
    """One way: a name, what does it, what it is for, and what is claimed of it."""

    name: str
    work: Work
    purpose: str
    #: Messages a second that it is said to reach.
    claim: int | None = None
    repeating: bool = False


class Measured(NamedTuple):
    """Medians over the rounds; CPU time of one process on one core."""

    pattern: str
    messages_per_second: float
    us_per_message: float
    peak_mb: float
    purpose: str
    claim: int | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the claim holds here; None where there is none."""
        return None if self.claim is None else self.messages_per_second >= self.claim


class Gain(NamedTuple):
    """What caching strings brings: less time by this share, over the rounds."""

    percent: float
    claim: tuple[int, int] = (20, 30)

    @property
    def holds(self) -> bool:
        """Whether it is at least what is claimed."""
        return self.percent >= self.claim[0]


class Results(NamedTuple):
    """All that was measured."""

    patterns: tuple[Measured, ...]
    strings: Gain
    messages: int
    rounds: int


def patterns() -> tuple[Pattern, ...]:
    """Return every way there is on this machine."""
    catalog = Catalog(SHIPPED_PAYLOADS)
    one = catalog.decode
    context = ValidationContext()
    cached = decoder(Lane("cached"), catalog)
    typed = TypeAdapter(EnvelopeDict).validator.validate_json
    batch = BatchReader(catalog.adapter, process_time)
    known = msgspec_decode()
    told = [
        Pattern(
            "full models",
            lambda raw: [one(body, context=context) for body in raw],
            "every queue that strangers may send to; the lane `full`",
            15_000,
        ),
        Pattern(
            "TypedDict with adapter",
            lambda raw: list(map(typed, raw)),
            "hot, simple messages, types checked and no rules; the lane `typed`",
            37_500,
        ),
        Pattern(
            "model_construct",
            lambda raw: list(map(_construct, raw)),
            "values that were validated before; it converts nothing and checks nothing",
            125_000,
        ),
        Pattern(
            "cached validation",
            lambda raw: [cached(body, context) for body in raw],
            f"bodies that repeat byte for byte ({REPEATED} here); the lane `cached`",
            45_000,
            repeating=True,
        ),
        Pattern(
            "batch",
            lambda raw: _in_batches(batch, raw),
            f"many messages at once ({IN_A_BATCH} here), told apart only where one is bad",
        ),
    ]
    if known is not None:
        told.append(
            Pattern(
                "msgspec",
                lambda raw: list(map(known, raw)),
                "an outside reference: structs with types and no rules",
            )
        )
    return tuple(told)


def measure(*, messages: int, rounds: int, said: Callable[[str], None]) -> Results:
    """Run every pattern in every round, each round in another order, and return the medians."""
    told = patterns()
    different = bodies(messages, different=messages)
    repeated = bodies(messages, different=REPEATED)
    seconds: dict[str, list[float]] = {pattern.name: [] for pattern in told}
    strings = {kept: _strings(kept) for kept in (True, False)}
    spent: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds):
        said(f"round {number + 1} of {rounds}")
        for place in range(len(told)):
            pattern = told[(place + number) % len(told)]
            raw = repeated if pattern.repeating else different
            seconds[pattern.name].append(_timed(pattern.work, raw))
        for kept in (True, False) if number % 2 else (False, True):
            spent[kept].append(_timed(strings[kept], different))
    measured = tuple(
        _measured(one, seconds[one.name], repeated if one.repeating else different) for one in told
    )
    with_strings, without = (statistics.median(spent[kept]) for kept in (True, False))
    return Results(measured, Gain((1 - with_strings / without) * 100), messages, rounds)


def _measured(pattern: Pattern, seconds: list[float], raw: list[bytes]) -> Measured:
    middle = statistics.median(seconds)
    return Measured(
        pattern.name,
        len(raw) / middle,
        middle / len(raw) * 1e6,
        _peak(pattern.work, raw) / 1e6,
        pattern.purpose,
        pattern.claim,
    )


def _timed(work: Work, raw: list[bytes]) -> float:
    """Return the CPU seconds of one round; what it makes is held to its end, as a worker would."""
    gc.collect()
    gc.disable()
    try:
        began = process_time()
        made = work(raw)
        spent = process_time() - began
    finally:
        gc.enable()
    if len(made) != len(raw):
        raise AssertionError("a pattern lost messages; its time means nothing")
    return spent


def _peak(work: Work, raw: list[bytes]) -> int:
    """Return the most bytes that all messages together hold; not timed, tracing is slow."""
    gc.collect()
    tracemalloc.start()
    try:
        work(raw)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _construct(body: bytes) -> Envelope:
    raw = orjson.loads(body)
    payload = raw["payload"]
    raw["source_agent"] = AgentMetadata.model_construct(**raw["source_agent"])
    payload["request"] = TaskRequest.model_construct(**payload["request"])
    raw["payload"] = TaskRequestPayload.model_construct(**payload)
    return Envelope.model_construct(**raw)


def _in_batches(reader: BatchReader[Any], raw: list[bytes]) -> list[Any]:
    made: list[Any] = []
    for at in range(0, len(raw), IN_A_BATCH):
        made += reader.read(raw[at : at + IN_A_BATCH]).valid
    return made


def _strings(cached: bool) -> Work:  # noqa: FBT001 - with the cache, or without
    """Return the validation of all messages in which strings are cached, or not."""
    setting: Any = "all" if cached else "none"

    def changed(schema: Any) -> Any:
        if isinstance(schema, dict):
            return {
                key: setting if key == "cache_strings" else changed(value)
                for key, value in schema.items()
                if key != "metadata"
            }
        return type(schema)(map(changed, schema)) if isinstance(schema, list) else schema

    schema = changed(Catalog(SHIPPED_PAYLOADS).adapter.core_schema)
    # Models inside must be compiled anew, too: their own validators have a setting of their own.
    validator = SchemaValidator(schema, {"cache_strings": setting}, _use_prebuilt=False)
    return lambda raw: list(map(validator.validate_json, raw))
