"""Whether counting proves that no key stands twice: what it proves is true, however one hides."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from writing import CATALOG, agent, envelope, result, task, written

from messages import Envelope
from messages.keys import LONGEST, MOST_DEEP, stand_once
from messages.strictness import Unfit, refuse_unfit

#: Keys and texts as they stand between quotation marks on the wire; some mean the same.
WORDS = st.sampled_from(
    ["a", "b", "\\u0061", "", 'a\\":', '\\":', "\\u0022:", "\\u0022\\u003a", " a", "a :", '\\" :']
)
NUMBERS = st.sampled_from(["1", "1.0", "1e2", "1e400", "18446744073709551616", "-0", "true"])
COLONS = st.sampled_from([":", ":", ":", ": ", " :", "\t:", "\n:", " \r :"])


@st.composite
def objects(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    """Write an object, perhaps with a key twice."""
    pairs = draw(st.lists(st.tuples(WORDS, COLONS, values), max_size=4))
    return "{" + ",".join(f'"{key}"{colon}{value}' for key, colon, value in pairs) + "}"


VALUES = st.recursive(
    NUMBERS | WORDS.map('"{}"'.format),
    lambda inner: (
        objects(inner) | st.lists(inner, max_size=3).map(lambda each: f"[{','.join(each)}]")
    ),
    max_leaves=6,
)
OBJECTS = objects(VALUES)
#: A field of each model that a sender may write once more.
AGAIN = st.sampled_from(
    [
        ("", ""),
        ('"message_type":"task_request",', '"message_type" :"task_request",'),
        ('"role":', '"role":"worker","role":'),
        ('"task_type":', '"task_type" :"echo","task_type":'),
        ('"payload":', '"ttl":7,"ttl" :8,"payload":'),
    ]
)


def read(body: bytes) -> Envelope | None:
    """Return what the models make of a body, unproved; None where it does not fit."""
    try:
        return CATALOG.adapter.validate_json(body)
    except ValidationError:
        return None


def keys_twice(body: bytes) -> bool:
    """Whether a key stands twice anywhere, as the standard library reads it."""
    found = False

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        found |= len(dict(pairs)) < len(pairs)
        return dict(pairs)

    json.loads(body, object_pairs_hook=once)
    return found


@settings(max_examples=400)
@given(OBJECTS, OBJECTS, OBJECTS, AGAIN)
def test_what_is_proved_is_true(
    parameters: str, execution: str, extra: str, again: tuple[str, str]
) -> None:
    """However keys, colons and numbers are written, and wherever one stands twice."""
    whole = task(parameters="P")
    whole["payload"]["execution_context"] = "X"
    whole["source_agent"]["more"] = "M"
    text = written(whole).decode().replace('"P"', parameters, 1)
    text = text.replace('"X"', execution, 1).replace('"M"', extra, 1).replace(*again, 1)
    body = text.encode()
    message = read(body)
    if message is not None and stand_once(body, message):
        assert not keys_twice(body)
        refuse_unfit(body)


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(task(), id="a task"),
        pytest.param(task(parameters={}), id="without parameters"),
        pytest.param(
            task(parameters={"a": {"b": [{"c": 1.5}, {}, None, True]}, "text": 'a ": b'[:3]}),
            id="nested",
        ),
        pytest.param(
            envelope(task()["payload"], source_agent=agent(region={"name": "north"})),
            id="an agent that tells more",
        ),
    ],
)
def test_ordinary_tasks_are_proved(whole: dict[str, Any]) -> None:
    """Written tightly or with blanks, they need no second reading."""
    for body in (written(whole), json.dumps(whole).encode()):
        message = read(body)
        assert message is not None
        assert stand_once(body, message)


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(result(), id="a type whose fields others may set"),
        pytest.param(task(parameters={"text": "x" * LONGEST}), id="a long body"),
        pytest.param(task(parameters={"text": '":'}), id="what looks like a key"),
        pytest.param(task(parameters={"number": 2**64}), id="a number of 65 bits"),
    ],
)
def test_others_are_left_to_the_bytes(whole: dict[str, Any]) -> None:
    """Where nothing is proved nothing is refused either."""
    body = written(whole)
    message = read(body)
    assert message is not None
    assert not stand_once(body, message)


@pytest.mark.parametrize("number", [b"1e400", b"NaN", b"-Infinity"])
def test_numbers_that_nobody_can_write_are_left_to_the_bytes(number: bytes) -> None:
    """The parser takes them where any value will do."""
    body = written(task(parameters={"a": [7]})).replace(b"[7]", b"[" + number + b"]")
    message = read(body)
    assert message is not None
    assert not stand_once(body, message)


def test_what_is_nested_deep_is_left_to_the_bytes() -> None:
    """Nobody counts for ever."""
    deep: Any = 1
    for _ in range(MOST_DEEP + 1):
        deep = {"a": deep}
    body = written(task(parameters=deep))
    message = read(body)
    assert message is not None
    assert not stand_once(body, message)


def test_a_key_twice_is_still_refused() -> None:
    """By the look at the bytes."""
    body = written(task()).replace(b'"text":"hello"', b'"text":"hello","text":"you"')
    message = read(body)
    assert message is not None
    assert not stand_once(body, message)
    with pytest.raises(Unfit):
        refuse_unfit(body)
