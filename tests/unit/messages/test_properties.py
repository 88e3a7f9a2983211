"""Properties of the decoder, for any input at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from fuzz.decoding import check, run
from hypothesis import given, settings
from hypothesis import strategies as st
from writing import CATALOG, agent, batch, envelope, heartbeat, result, task, written

from messages import SecurityLevel, ValidationContext, encode

CONTEXT = ValidationContext(SecurityLevel.PUBLIC)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=5)
INSTANTS = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001 - the zone comes apart
    datetime(9999, 12, 30),  # noqa: DTZ001 - likewise
    timezones=st.none() | st.just(UTC),
).map(datetime.isoformat)
#: What a field may hold where it should hold something else.
ANYTHING = JSON | st.integers() | st.sampled_from(["1", "", " ", "0001-01-01T00:00:00+14:00"])

MESSAGES = st.builds(
    lambda message, others: message | others,
    st.builds(
        task,
        task_type=st.from_regex(r"[A-Za-z0-9_-]{1,100}", fullmatch=True),
        priority=st.integers(1, 7),
        budget=st.decimals(0, 10**15, allow_nan=False, places=3).map(str)
        | st.integers(0, 10**15)
        | st.floats(0, 1e15),
        callback_url=st.sampled_from([None, "agent://a/b", "http://x.example//", "https://é.x/a"]),
        parameters=OBJECTS,
        deadline=st.none() | INSTANTS,
    )
    | st.builds(
        result,
        status=st.sampled_from(["completed", "failed", "timeout"]),
        completion_time=INSTANTS,
        processing_cost=st.decimals(allow_nan=False, allow_infinity=False).map(str),
        result_data=OBJECTS,
        error_details=st.none() | TEXT,
    )
    | st.builds(heartbeat, metrics=st.dictionaries(TEXT, st.floats(-1e300, 1e300), max_size=4))
    | st.lists(
        st.fixed_dictionaries(
            {
                "msg_id": st.integers(-(2**63), 2**63),
                "msg_type": st.sampled_from(["req", "resp", "notif"]),
                "payload": OBJECTS,
                "headers": st.lists(st.tuples(TEXT, TEXT), max_size=3),
            }
        ),
        min_size=1,
        max_size=4,
    ).map(lambda several: batch(*several)),
    st.fixed_dictionaries(
        {},
        optional={
            "correlation_id": st.none() | st.uuids().map(str),
            "reply_to": st.none() | TEXT,
            "ttl": st.integers(1, 300),
            "timestamp": INSTANTS,
            "source_agent": st.just(agent(region="eu", more={"a": [1]})),
        },
    ),
)


@settings(max_examples=150)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_an_error(body: bytes) -> None:
    """Never an exception, and the error is bounded and clean."""
    assert check(body)


@settings(max_examples=150)
@given(JSON)
def test_any_json_is_a_message_or_an_error(document: Any) -> None:
    """Whatever it says."""
    assert check(orjson.dumps(document))


PLACES = st.sampled_from(
    [
        ["envelope_id"],
        ["message_type"],
        ["timestamp"],
        ["version"],
        ["ttl"],
        ["source_agent"],
        ["source_agent", "capabilities"],
        ["source_agent", "load_factor"],
        ["payload"],
        ["payload", "message_type"],
        ["payload", "request"],
        ["payload", "request", "budget"],
        ["payload", "request", "deadline"],
        ["payload", "request", "priority"],
        ["payload", "request", "callback_url"],
        ["payload", "request", "parameters"],
        ["payload", "request", "unheard of"],
    ]
)


@settings(max_examples=300)
@given(st.lists(st.tuples(PLACES, ANYTHING), min_size=1, max_size=3))
def test_any_value_in_any_field_is_taken_or_told(changes: list[tuple[list[str], Any]]) -> None:
    """A good message, some of it changed for something else."""
    message = task()
    for place, value in changes:
        at: Any = message
        for key in place[:-1]:
            at = at.get(key) if isinstance(at, dict) else None
        if isinstance(at, dict):
            at[place[-1]] = value
    assert check(written(message))


@settings(max_examples=200)
@given(MESSAGES)
def test_every_valid_message_survives_the_wire(document: dict[str, Any]) -> None:
    """Encoded and decoded it is the same message, and its second encoding is its first."""
    message = CATALOG.decode(written(document), context=CONTEXT)
    body = encode(message)
    again = CATALOG.decode(body, context=CONTEXT)
    assert again == message
    assert _without_meta(encode(again)) == _without_meta(body)


def _without_meta(body: bytes) -> Any:
    document = orjson.loads(body)
    document["payload"].get("response", {}).pop("_meta", None)
    return document


def test_changed_bytes_of_the_corpus_are_messages_or_errors() -> None:
    """A short run of the fuzz target, the same one each time; `make fuzz` goes on."""
    ends = run(seconds=30.0, seed=20, most=3_000)
    assert sum(ends.values()) == 3_000
    assert len(ends) >= 5


def test_the_envelope_of_a_stranger_is_no_trouble() -> None:
    """An unknown payload around everything else that is right."""
    assert check(written(envelope({"message_type": "stranger"}))) == "unknown_message_type"
