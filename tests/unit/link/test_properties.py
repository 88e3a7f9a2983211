"""Properties and headers: read whatever a sender wrote, and told as pamqp would tell them."""

from __future__ import annotations

import struct
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import commands, header

from workers.link import wire
from workers.link.properties import decode_properties
from workers.link.tables import MOST_DEEP, MOST_ENTRIES, MOST_VALUE, pack_table, read_table
from workers.outcome import Properties

TEXTS = ("content_type", "content_encoding", "correlation_id", "reply_to", "expiration")
MORE_TEXTS = ("message_id", "user_id", "app_id")
#: pamqp cuts the name of a header at 128 bytes.
names = st.text(max_size=30)
short = st.text(max_size=60).filter(lambda text: len(text.encode()) < 256)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)  # all that pamqp writes
    | st.text(max_size=30)
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


def written(**properties: Any) -> bytes:
    """Return a content header by pamqp, from its flags onwards."""
    return header.ContentHeader(0, 0, commands.Basic.Properties(**properties)).marshal()[12:]


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys((*TEXTS, *MORE_TEXTS), short)),
    st.fixed_dictionaries(
        {},
        optional={
            "delivery_mode": st.sampled_from((1, 2)),
            "priority": st.integers(0, 255),
            "message_type": short,
        },
    ),
    st.dictionaries(names, VALUES, max_size=4),
)
@settings(max_examples=400)
def test_what_pamqp_wrote_is_read(
    texts: dict[str, str],
    others: dict[str, Any],
    headers: dict[str, Any],
) -> None:
    """Every property a decent client sends arrives as it was, and nothing is called damaged."""
    found = decode_properties(written(**texts, **others, headers=headers))
    for name, text in texts.items():
        assert getattr(found, name) == (text or None), name  # pamqp leaves out what is empty
    assert found.delivery_mode == others.get("delivery_mode")
    assert found.priority == others.get("priority")
    assert found.type == (others.get("message_type") or None)
    assert found.headers == headers
    assert found.damaged == ()


@given(st.dictionaries(names, VALUES, max_size=5), st.data())
@settings(max_examples=300)
def test_what_we_write_pamqp_reads(headers: dict[str, Any], data: st.DataObject) -> None:
    """The reference decoder agrees with our encoder, property by property."""
    given_ = {name: data.draw(st.none() | short, name) for name in (*TEXTS, *MORE_TEXTS, "type")}
    stamp = data.draw(st.none() | st.integers(0, 4_000_000_000))
    mode, priority = data.draw(st.sampled_from((None, 1, 2))), data.draw(st.none() | st.just(7))
    packed = wire.pack_properties(
        **given_, headers=headers, timestamp=stamp, delivery_mode=mode, priority=priority
    )
    read = header.ContentHeader()
    read.unmarshal(struct.pack(">HHQ", 60, 0, 0) + packed)
    told = read.properties
    for name, value in given_.items():
        pamqps = "message_type" if name == "type" else name
        assert getattr(told, pamqps) == value, name
    assert (told.headers or {}) == headers
    assert told.delivery_mode == mode
    assert told.priority == priority
    assert (told.timestamp is None) == (stamp is None)
    if stamp is not None:
        assert told.timestamp.timestamp() == stamp


@given(st.dictionaries(names, VALUES, max_size=5))
@settings(max_examples=200)
def test_a_table_comes_back_as_it_was_written(table: dict[str, Any]) -> None:
    """Our own headers survive the way to the broker and back."""
    packed = pack_table(table)
    assert read_table(packed, 0) == (table, len(packed), True)


def check_told(found: Properties) -> None:
    """See that all fields are there, and that what is damaged is named."""
    assert len(found) == 14
    if found.damaged:
        assert set(found.damaged) <= {*found._fields, "flags", "properties"}


@given(st.binary(max_size=400))
@settings(max_examples=1500)
def test_no_bytes_whatever_make_it_raise(noise: bytes) -> None:
    """Whatever a sender puts there, something is told."""
    check_told(decode_properties(noise))


@given(st.data())
@settings(max_examples=600)
def test_almost_right_bytes_do_not_make_it_raise(data: st.DataObject) -> None:
    """A good header with some bytes changed, cut off or put in."""
    good = written(
        content_type="application/json",
        headers={"a": [1, {"b": "c"}], "d": 1.5},
        correlation_id="c-1",
        user_id="alice",
    )
    at = data.draw(st.integers(0, len(good)))
    noise = data.draw(st.binary(max_size=4))
    found = decode_properties(good[:at] + noise + good[at + data.draw(st.integers(0, 4)) :])
    check_told(found)


def _table(entries: bytes) -> bytes:
    return struct.pack(">H", wire.HEADERS) + struct.pack(">I", len(entries)) + entries


def _nested(deep: int, kind: bytes) -> bytes:
    inner = b""
    for _ in range(deep):
        value = kind + struct.pack(">I", len(inner)) + inner
        inner = (b"\x01x" + value) if kind == b"F" else value
    return inner if kind == b"F" else b"\x01x" + inner


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(_table(_nested(600, b"F")), id="tables 600 deep"),
        pytest.param(_table(_nested(20_000, b"A")), id="arrays 20,000 deep"),
        pytest.param(_table(b"\x01aV" * 43_000), id="43,000 entries"),
        pytest.param(_table(b"\x01aA" + struct.pack(">I", 120_000) + b"V" * 120_000), id="a list"),
        pytest.param(_table(b"\x01aS" + struct.pack(">I", 120_000) + b"\xff" * 120_000), id="text"),
        pytest.param(_table((b"\x01aF" + struct.pack(">I", 0)) * 17_000), id="17,000 tables"),
        pytest.param(_table(b"\xff" + b"\xfe" * 255 + b"V") * 400, id="names that are no UTF-8"),
    ],
)
def test_huge_headers_are_cut_in_bounded_time(raw: bytes) -> None:
    """A header frame of 128 KiB costs a few milliseconds at the most, and says it was cut."""
    began = time.process_time()
    found = decode_properties(raw)
    # Linear takes milliseconds; what is worse would take minutes, on any machine.
    assert time.process_time() - began < 5
    assert found.damaged
    assert _size(found.headers) <= MOST_ENTRIES + 2
    assert _deep(found.headers) <= MOST_DEEP


def _size(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_size, inner))


def _deep(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_deep, inner), default=0)


def test_a_long_value_is_cut_and_called_damaged() -> None:
    """Nobody may park a hundred kilobytes in our memory under one header."""
    found = decode_properties(written(headers={"a": "x" * 100_000}))
    assert found.headers == {"a": "x" * MOST_VALUE}
    assert found.damaged == ("headers",)


@pytest.mark.parametrize("microseconds", [1_700_000_000_000_000, 2**63, 2**64 - 1])
def test_a_time_no_calendar_has_is_left_out(microseconds: int) -> None:
    """Micro- and nanoseconds by mistake are no date in the far future."""
    raw = struct.pack(">HQ", wire.TIMESTAMP, microseconds)
    found = decode_properties(raw)
    assert (found.timestamp, found.damaged) == (None, ("timestamp",))


@pytest.mark.parametrize("name", [*TEXTS, "message_id", "type", "app_id"])
def test_a_text_that_is_no_utf8_is_told_with_replacements(name: str) -> None:
    """What can be shown is shown; the rest is marked."""
    flag = getattr(wire, name.upper())
    found = decode_properties(struct.pack(">HB", flag, 4) + b"ab\xff\xfe")
    assert getattr(found, name) == "ab\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    assert found.damaged == (name,)


def test_who_the_sender_is_is_not_told_where_two_readings_are_possible() -> None:
    """The broker checked one reading; with the continuation bit others may read another."""
    good = written(user_id="alice")
    assert decode_properties(good).user_id == "alice"
    (flags,) = struct.unpack_from(">H", good)
    spoofed = struct.pack(">H", flags | wire.CONTINUED) + good[2:]
    found = decode_properties(spoofed)
    assert found.user_id is None
    assert "flags" in found.damaged
    doubled = struct.pack(">HH", flags | wire.CONTINUED, 0) + good[2:]
    assert decode_properties(doubled).user_id is None


def test_a_value_that_begins_behind_its_table_is_not_read() -> None:
    """A last name without a value takes no byte of what follows."""
    raw = struct.pack(">HI", wire.HEADERS | wire.CORRELATION_ID, 2) + b"\x01a" + b"\x56abc" * 22
    found = decode_properties(raw)
    assert found.headers == {}
    assert "headers" in found.damaged
