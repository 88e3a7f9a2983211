"""Bodies that parse and must not be believed; above all a key that stands twice."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from writing import CATALOG, accepted, batch, compact, envelope, refused, result, task, written

from messages import SHIPPED_PAYLOADS, Catalog, ErrorCode, InvalidMessage, Payload
from messages.strictness import MOST_DEEP, Unfit, refuse_unfit


class Free(Payload, type="free"):
    """Takes all kinds of values, and makes something else of some."""

    a: Any = None
    text: str = ""


def reason(body: bytes) -> str:
    """Return why a body is unfit; empty where it is fit."""
    try:
        refuse_unfit(body)
    except Unfit as unfit:
        return unfit.error_type
    return ""


#: An innocent document, and one with a key twice, in every way of hiding it that came to mind.
TWICE = [
    b'{"a":1,"a":2}',
    b'{"a":1,"a":1}',
    b'{"a" :1,"a":2}',
    b'{"a"\t:1,"a"\n:2}',
    b'{"a":1,"\\u0061":2}',
    b'{"a\\"b":1,"a\\u0022b":2}',
    b'{"a":1,"b":"\\u0022:","a":2}',
    b'{"a":1,"b":"\\u0022\\u003a","a":2}',
    b'{"a":1,"b":"\\"\\u003A","a":2}',
    b'{"a":1,"b":"\\"\\u003A\\u0022:","a":"\\":"}',
    b'{"a":{"x":1},"a":{}}',
    b'{"a":{"x":1,"x":2},"a":{}}',
    b'{"b":[{"a":1},{"a":1,"a":2}]}',
    b'{"":1,"":2}',
    b'{"a":1,"b":null,"a":null,"c":1e400}',
    b'{"\xc3\xa9":1,"\\u00e9":2}',
    b'{"a\\/":1,"a/":2}',
    b'{"b":1.0,"a":1,"c":1e2,"a":2}',
    b'{"b":18446744073709551616,"a":1,"a":2}',
    b'{"b":"\\ud83d\\ude00\\":","a":1,"a":2}',
]
ONCE = [
    b"{}",
    b"[]",
    b"7",
    b'{"a":1,"A":2}',
    b'{"a":1,"b":{"a":1}}',
    b'{"a":"\\"a\\":1","b":2}',
    b'{"a" : 1 , "b" : 2}',
    b'{"a": 1, "b": "x\\": y"}',
    b'{"a":"\\u0022:"}',
    b'{"a":1,"b":[{"a":1},{"a":1}]}',
    b'{"\\u0061":1,"b":2}',
    b'{"a":1.50,"b":1E5,"c":-0,"d":1e-400}',
    b'{"a":18446744073709551615,"b":-9223372036854775808}',
    b'{"a":"null","b":null}',
    b'{"a":"nul\\u006c"}',
]


@pytest.mark.parametrize("body", TWICE)
def test_a_key_that_stands_twice_is_found(body: bytes) -> None:
    """However it is written, and wherever it hides."""
    assert reason(body) in {"duplicate_key", "number_too_large"}
    assert reason(body.replace(b"1e400", b"1").replace(b"18446744073709551616", b"1")) == (
        "duplicate_key"
    )


@pytest.mark.parametrize("body", ONCE)
def test_an_innocent_document_is_fit(body: bytes) -> None:
    """A false alarm costs only time."""
    assert reason(body) == ""


class _Pairs(list[Any]):
    """An object as its pairs, so that a key can come twice."""


KEYS = st.sampled_from(["a", "b", '":', '"', ":", "null", "\\", "é", " ", "a\nb", ""])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | KEYS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.lists(st.tuples(KEYS, inner), max_size=5).map(_Pairs)
    ),
    max_leaves=20,
)


def dumps(value: Any, draw: Any) -> str:
    """Write a document as no two writers would."""
    if isinstance(value, _Pairs):
        space = draw(st.sampled_from(["", " ", "\n\t"]))
        parts = [f"{dumps(key, draw)}{space}:{space}{dumps(each, draw)}" for key, each in value]
        return "{" + f",{space}".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dumps(each, draw) for each in value) + "]"
    if isinstance(value, str) and draw(st.booleans()):
        return '"' + "".join(f"\\u{ord(one):04x}" for one in value) + '"'
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


def truly_twice(value: Any) -> bool:
    """Whether a key comes twice, told by the pairs themselves."""
    if isinstance(value, _Pairs):
        keys = [key for key, _ in value]
        return len(keys) != len(set(keys)) or any(truly_twice(each) for _, each in value)
    return isinstance(value, list) and any(map(truly_twice, value))


@settings(max_examples=150)
@given(value=VALUES, data=st.data())
def test_counting_finds_exactly_the_keys_that_come_twice(value: Any, data: st.DataObject) -> None:
    """Against documents made of pairs, written in every possible way."""
    body = dumps(value, data.draw).encode()
    assert (reason(body) == "duplicate_key") is truly_twice(value)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"a":NaN}', "not_a_number"),
        (b'{"a":[-Infinity]}', "not_a_number"),
        (b'{"a":1e400}', "number_too_large"),
        (b'{"a":-1e400,"b":null}', "number_too_large"),
        (b'{"a":18446744073709551616}', "number_too_large"),
        (b'{"a":-9223372036854775809}', "number_too_large"),
        (b'{"a":' + b"9" * 4_000 + b"}", "number_too_large"),
        (b"[" * (MOST_DEEP + 1) + b"]" * (MOST_DEEP + 1), "nested_too_deep"),
        (b'{"a":' * MOST_DEEP + b"[]" + b"}" * MOST_DEEP, "nested_too_deep"),
        (b"[" + b"[" * MOST_DEEP + b"]" * MOST_DEEP + b",[]" * 99 + b"]", "nested_too_deep"),
    ],
)
def test_what_cannot_be_carried_on_is_found(body: bytes, kind: str) -> None:
    """Numbers nobody can write again, and depths nobody can read."""
    assert reason(body) == kind


def test_many_objects_beside_each_other_are_not_deep() -> None:
    """Depth counts, not number."""
    assert reason(b"[" + b",".join([b'{"a":[{}]}'] * 500) + b"]") == ""
    deepest = MOST_DEEP - 1
    assert reason(b"[" + b"[" * deepest + b"]" * deepest + b",[]" * 99 + b"]") == ""


@pytest.mark.parametrize(
    ("find", "place"),
    [
        (b'"task_type":"echo"', "payload.request.task_type"),
        (b'"text":"hello"', "payload.request.parameters.text"),
        (b'"agent_id":"asker"', "source_agent.agent_id"),
        (b'"message_type":"task_request"', "message_type"),
    ],
)
def test_a_message_with_a_key_twice_is_refused_and_told_where(find: bytes, place: str) -> None:
    """Known fields, free ones, and the discriminator itself."""
    invalid = refused(written(task()).replace(find, find + b"," + find, 1))
    assert invalid.code is ErrorCode.INVALID_JSON
    assert [(one.field_path, one.error_type) for one in invalid.errors] == [
        (place, "duplicate_key")
    ]


@pytest.mark.parametrize(
    ("message", "find"),
    [
        (batch(compact(extra=1)), b'"extra":1'),
        (result(_meta={"x": 1}), b'"x":1'),
        (batch(compact(), total_payload_size=7), b'"total_payload_size":7'),
    ],
)
def test_a_key_twice_is_found_in_what_is_dropped(message: Any, find: bytes) -> None:
    """No model holds it any more."""
    assert accepted(message)
    twice = written(message).replace(find, find + b"," + find)
    assert refused(twice).errors[0].error_type == "duplicate_key"


@pytest.mark.parametrize(
    ("value", "code", "place"),
    [
        (b"1e400", ErrorCode.INVALID_PAYLOAD, "payload.request.parameters.text"),
        (b"9" * 30, ErrorCode.INVALID_PAYLOAD, "payload.request.parameters.text"),
        (b"NaN", ErrorCode.INVALID_JSON, ""),
        (b"-Infinity", ErrorCode.INVALID_JSON, ""),
        (b"9" * 5_000, ErrorCode.INVALID_JSON, ""),
        (b"[" * 150 + b"]" * 150, ErrorCode.INVALID_JSON, None),
        (b"[" * 100_000 + b"]" * 100_000, ErrorCode.INVALID_JSON, None),
    ],
)
def test_an_unfit_value_in_a_free_object_is_refused(
    value: bytes, code: ErrorCode, place: str | None
) -> None:
    """And told where it stands, where there is such a place."""
    invalid = refused(written(task()).replace(b'"hello"', value))
    assert invalid.code is code
    assert len(invalid.errors) == 1
    assert place is None or invalid.errors[0].field_path == place


def test_a_validator_that_adds_keys_hides_nothing() -> None:
    """The bytes are proved, not the model."""

    class Adding(Payload, type="adding"):
        held: Any = None

        def model_post_init(self, _context: object) -> None:
            object.__setattr__(self, "held", {"one": 1, "two": 2})

    catalog = Catalog([*SHIPPED_PAYLOADS, Adding])
    body = written(envelope({"message_type": "adding", "held": 0}))
    assert catalog.decode(body)
    with pytest.raises(InvalidMessage, match="twice"):
        catalog.decode(body.replace(b'"held":0', b'"held":0,"held":0'))


def test_every_writer_is_understood() -> None:
    """Compact, spaced, indented, with ASCII only: the same message."""
    message = task(parameters={"text": 'é\u2028 \\" :', "n": [1, 2.5, None, True]})
    one = accepted(written(message))
    for body in (
        json.dumps(message).encode(),
        json.dumps(message, indent=2).encode(),
        json.dumps(message, separators=(" , ", " : ")).encode(),
        orjson.dumps(message, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE),
    ):
        decoded = CATALOG.decode(body)
        assert decoded.payload == one.payload
