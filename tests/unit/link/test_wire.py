"""What we write is what pamqp writes, byte for byte or as it reads it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import body, commands, frame, header

from workers.link.wire import (
    FRAME_OVERHEAD,
    HEARTBEAT,
    AnswerProperties,
    PublishRoute,
    ack,
    nack,
    pack_properties,
)
from workers.publication import Headers

tags = st.integers(1, 2**63 - 1)
channels = st.integers(1, 65_535)
names = st.text(max_size=60).filter(lambda text: len(text.encode()) < 256)


@given(channels, tags, st.tuples(st.booleans(), st.booleans()))
def test_acks_and_nacks_are_pamqps(channel: int, tag: int, flags: tuple[bool, bool]) -> None:
    """Byte for byte."""
    multiple, requeue = flags
    assert ack(channel, tag, multiple=multiple) == frame.marshal(
        commands.Basic.Ack(tag, multiple), channel
    )
    assert nack(channel, tag, multiple=multiple, requeue=requeue) == frame.marshal(
        commands.Basic.Nack(tag, multiple, requeue), channel
    )


@given(
    channels,
    st.text("abcXYZ019-_.:@#,/+ ", max_size=60),  # all that pamqp lets pass
    names,
    st.booleans(),
    st.binary(max_size=300),
    st.integers(60, 200) | st.just(0),
)
@settings(max_examples=300)
def test_publishes_are_pamqps(
    channel: int, exchange: str, key: str, mandatory: object, content: bytes, frame_max: int
) -> None:
    """Byte for byte, whatever the size of a frame, and the body arrives whole."""
    properties = pack_properties(correlation_id="c-1", delivery_mode=2)
    out: list[bytes | memoryview] = []
    route = PublishRoute(channel, exchange, key, mandatory=bool(mandatory))
    route.append(out, properties, content, frame_max)
    room = frame_max - FRAME_OVERHEAD if frame_max else max(len(content), 1)
    told = commands.Basic.Properties(correlation_id="c-1", delivery_mode=2)
    publish = commands.Basic.Publish(
        exchange=exchange, routing_key=key, mandatory=bool(mandatory), immediate=False
    )
    wanted = frame.marshal(publish, channel)
    wanted += frame.marshal(header.ContentHeader(0, len(content), told), channel)
    for at in range(0, len(content), room):
        wanted += frame.marshal(body.ContentBody(content[at : at + room]), channel)
    assert b"".join(out) == wanted


def test_a_large_body_is_not_copied_on_its_way_to_the_socket() -> None:
    """Its frames are views of the one body."""
    content = b"x" * 1_000_000
    out: list[bytes | memoryview] = []
    PublishRoute(1, "", "q", mandatory=True).append(out, b"\0\0", content, 131_072)
    views = [part for part in out if isinstance(part, memoryview)]
    assert sum(map(len, views)) == len(content)
    assert all(view.obj is content for view in views)


def test_headers_that_go_out_twice_are_the_same_bytes() -> None:
    """Made once: a dead letter's are most of what it costs, and its copy has the same."""
    plain = {"leveret-id": "letter-1", "leveret-attempts": 2}
    headers = Headers(plain)
    letter = pack_properties(headers=headers, message_id="1")
    copy = pack_properties(headers=headers, message_id="2")
    assert letter == pack_properties(headers=plain, message_id="1")
    assert copy == pack_properties(headers=plain, message_id="2")
    assert headers == plain


def test_properties_that_fit_no_frame_are_refused_before_anything_is_written() -> None:
    """A content header is never split; the broker would close the connection."""
    out: list[bytes | memoryview] = []
    properties = pack_properties(headers={"a": "x" * 200_000})
    with pytest.raises(ValueError, match="frame"):
        PublishRoute(1, "", "q", mandatory=True).append(out, properties, b"body", 131_072)
    assert not out


@given(
    st.binary(min_size=0, max_size=255),
    st.binary(min_size=0, max_size=255),
    st.lists(st.integers(0, 4_000_000_000), min_size=1, max_size=3),
)
def test_an_answers_properties_are_what_they_would_be_one_by_one(
    correlation: bytes, message: bytes, seconds: list[int]
) -> None:
    """Prepared is quicker, not different; also when the clock goes on."""
    prepared = AnswerProperties(
        content_type="application/json", type_="task_response", app_id="leveret", user_id="guest"
    )
    for second in seconds:
        read = header.ContentHeader()
        packed = prepared.pack(b"c" * len(correlation), b"m" * len(message), second)
        read.unmarshal(b"\x00\x3c\x00\x00" + bytes(8) + packed)
        told = read.properties
        assert told.correlation_id == "c" * len(correlation)
        assert told.message_id == "m" * len(message)
        assert told.timestamp.timestamp() == second
        assert (told.message_type, told.user_id, told.app_id) == (
            "task_response",
            "guest",
            "leveret",
        )
        assert (told.delivery_mode, told.content_type) == (2, "application/json")


@pytest.mark.parametrize("name", ["correlation_id", "message_id"])
def test_an_id_too_long_for_amqp_is_named(name: str) -> None:
    """Whoever reads the log knows which."""
    prepared = AnswerProperties(content_type="", type_="", app_id="", user_id="")
    ids = {"correlation_id": b"c", "message_id": b"m"} | {name: b"x" * 256}
    with pytest.raises(ValueError, match=name):
        prepared.pack(ids["correlation_id"], ids["message_id"], 0)


def test_the_heartbeat_is_pamqps() -> None:
    """A whole frame on channel 0."""
    assert frame.unmarshal(HEARTBEAT)[1] == 0
