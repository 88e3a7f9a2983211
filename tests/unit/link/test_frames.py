"""The byte stream is told apart rightly wherever the socket cut it; pamqp is the reference."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import commands
from pamqp.base import Frame
from unit.link.stream import HEARTBEAT, Taps, deliver, method, returned

ACK, NACK = commands.Basic.Ack, commands.Basic.Nack
DECLARED = method(commands.Queue.DeclareOk("q", 3, 1), 3)

#: One of everything that a line carries, and what must come out of it.
STREAM = (
    deliver(1, b"x" * 40, headers={"a": "b"}, correlation_id="c-1")
    + HEARTBEAT
    + deliver(2, b"")
    + DECLARED
    + method(ACK(1, False), 2)
    + deliver(3, b"y" * 50, room=20, redelivered=True)
    + returned("m-1")
    + method(ACK(9, True), 2)
    + method(NACK(10, False, False), 2)
    + method(commands.Connection.Blocked("memory"), 0)
    + deliver(4, b"z", consumer="leveret-1", exchange="", key="q")
    + method(commands.Connection.Unblocked(), 0)
)
COLD = (
    HEARTBEAT
    + DECLARED
    + method(commands.Connection.Blocked("memory"), 0)
    + method(commands.Connection.Unblocked(), 0)
)


def test_a_whole_stream_is_told_apart() -> None:
    """Deliveries and confirms reach their sinks, and everything else passes untouched."""
    taps = Taps().feed(STREAM)
    assert [(each[0], each[1], each[2], each[3], each[4]) for each in taps.deliveries.heard] == [
        (1, b"leveret-0", False, b"requests", b"task_request.echo"),
        (2, b"leveret-0", False, b"requests", b"task_request.echo"),
        (3, b"leveret-0", True, b"requests", b"task_request.echo"),
        (4, b"leveret-1", False, b"", b"q"),
    ]
    assert [each[6] for each in taps.deliveries.heard] == [b"x" * 40, b"", b"y" * 50, b"z"]
    kinds = [(each[0], each[1]) for each in taps.confirms.heard]
    assert kinds == [("ack", 1), ("return", 312), ("ack", 9), ("nack", 10)]
    assert taps.cold == COLD
    assert taps.blocked == [True, False]


def test_it_does_not_matter_where_the_stream_is_cut_once() -> None:
    """Split in two at every offset, the same comes out."""
    whole = Taps().feed(STREAM).heard
    for cut in range(1, len(STREAM)):
        assert Taps().feed(STREAM, cut).heard == whole, cut


def test_it_does_not_matter_when_each_byte_comes_alone() -> None:
    """The slowest line there is."""
    assert Taps().feed(STREAM, *range(len(STREAM))).heard == Taps().feed(STREAM).heard


@st.composite
def _frames(draw: st.DrawFn) -> list[tuple[str, Any, bytes]]:
    """Return messages and frames of all kinds, as (kind, what must be told, bytes)."""
    out = []
    for number in range(1, draw(st.integers(0, 8)) + 1):
        kind = draw(st.sampled_from(["deliver", "ack", "nack", "return", "cold", "beat"]))
        payload = draw(st.binary(max_size=60))
        flag = draw(st.booleans())
        match kind:
            case "deliver":
                room = draw(st.integers(1, 70))
                key = draw(st.text("abc.é", max_size=20))
                stream = deliver(number, payload, room=room, redelivered=flag, key=key)
                out.append((kind, (number, flag, key.encode(), payload), stream))
            case "ack" | "nack":
                frame: Frame = ACK(number, flag) if kind == "ack" else NACK(number, flag, False)
                out.append((kind, (kind, number, flag), method(frame, 2)))
            case "return":
                out.append((kind, ("return", 312, b"NO_ROUTE"), returned("m", payload)))
            case "cold":
                cold = deliver(number, payload, channel=7, room=30)
                out.append((kind, cold, cold))
            case _:
                out.append((kind, HEARTBEAT, HEARTBEAT))
    return out


@given(_frames(), st.data())
@settings(max_examples=300)
def test_any_stream_cut_anywhere_gives_what_was_put_in(
    frames: list[tuple[str, Any, bytes]],
    data: st.DataObject,
) -> None:
    """Nothing is lost, doubled or out of order, whatever comes in which pieces."""
    stream = b"".join(each[2] for each in frames)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    taps = Taps().feed(stream, *cuts)
    told = [(each[0], each[2], each[4], each[6]) for each in taps.deliveries.heard]
    assert told == [what for kind, what, _ in frames if kind == "deliver"]
    confirms = [each[:3] for each in taps.confirms.heard]
    assert confirms == [what for kind, what, _ in frames if kind in {"ack", "nack", "return"}]
    assert taps.cold == b"".join(what for kind, what, _ in frames if kind in {"cold", "beat"})


@given(st.data())
@settings(max_examples=200)
def test_frames_of_two_channels_may_lie_between_each_other(data: st.DataObject) -> None:
    """A body of one channel is not disturbed by what another says in the middle of it."""
    size = data.draw(st.integers(1, 60))
    one = _split(deliver(1, b"a" * size, room=data.draw(st.integers(1, 20))))
    two = _split(
        method(ACK(1, False), 2) + returned("m-1", b"b" * 30) + method(ACK(2, False), 2),
    )
    three = _split(deliver(5, b"cold", channel=7, room=2) + HEARTBEAT)
    order = data.draw(st.permutations([1] * len(one) + [2] * len(two) + [3] * len(three)))
    feeds = {1: iter(one), 2: iter(two), 3: iter(three)}
    stream = b"".join(next(feeds[number]) for number in order)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    taps = Taps().feed(stream, *cuts)
    assert [each[6] for each in taps.deliveries.heard] == [b"a" * size]
    assert [each[0] for each in taps.confirms.heard] == ["ack", "return", "ack"]
    assert taps.cold == b"".join(three)


def _split(stream: bytes) -> list[bytes]:
    frames, at = [], 0
    while at < len(stream):
        end = at + 8 + int.from_bytes(stream[at + 3 : at + 7])
        frames.append(stream[at:end])
        at = end
    return frames


def test_a_close_in_the_middle_of_a_body_ends_the_message() -> None:
    """The sink hears that it is over, nothing of the message, and aio-pika gets the close."""
    close = method(commands.Channel.Close(541, "INTERNAL_ERROR", 0, 0), 1)
    stream = b"".join(_split(deliver(1, b"x" * 60, room=20))[:3]) + close
    for cut in range(len(stream)):
        taps = Taps().feed(stream, cut)
        assert not taps.deliveries.heard
        assert taps.deliveries.over
        assert taps.cold == close


def test_a_channel_number_used_again_is_another_channel() -> None:
    """After a close nothing is hot on that number until somebody says so."""
    taps = Taps().feed(method(commands.Channel.CloseOk(), 1))
    assert not taps.deliveries.over  # we closed it ourselves
    taps.feed(deliver(1))
    assert not taps.deliveries.heard
    assert taps.cold.endswith(deliver(1))


def test_a_cancel_by_the_broker_is_aio_pikas_to_tell() -> None:
    """It passes, and deliveries of the other consumer go on."""
    cancel = method(commands.Basic.Cancel("leveret-0", True), 1)
    taps = Taps().feed(cancel + deliver(1, consumer="leveret-1"))
    assert taps.cold == cancel
    assert [each[0] for each in taps.deliveries.heard] == [1]


def test_what_still_comes_for_a_sink_that_left_is_dropped() -> None:
    """aio-pika knows nothing of these messages, so they must not reach it."""
    taps = Taps()
    stream = deliver(1, b"x" * 60, room=20)
    taps.feed(stream[:100])
    taps.frames.unwatch(1)
    taps.frames.unwatch(2)
    taps.feed(stream[100:] + deliver(2) + method(ACK(1, False), 2) + returned("m") + HEARTBEAT)
    assert taps.heard == ([], [], HEARTBEAT, [])


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b"\x07\x00\x01\x00\x00\x00\x00\xce" + b"....", id="a frame of no known type"),
        pytest.param(HEARTBEAT[:-1] + b"\x00" + b"....", id="no end mark"),
        pytest.param(deliver(1)[:-1] + b"\x00" + b"....", id="no end mark behind a body"),
        pytest.param(
            b"".join(_split(deliver(1, b"12345678"))[:2])
            + _split(deliver(1, b"123456789", room=9))[2],
            id="more body than the header said",
        ),
        pytest.param(
            method(commands.Basic.Deliver("c", 1, False, "e", "k"), 1)[:-5] + b"\xce....",
            id="a deliver shorter than its strings",
        ),
        pytest.param(
            _split(deliver(1))[0] + b"\x02\x00\x01\x00\x00\x00\x04\x00\x3c\x00\x00\xce....",
            id="a content header of four bytes",
        ),
        pytest.param(b"AMQP\x00\x00\x09\x01....", id="another protocol"),
    ],
)
def test_from_a_malformed_frame_on_all_is_cold(broken: bytes) -> None:
    """aio-pika then ends the connection in its own way; no sink hears anything made up."""
    good = deliver(7)
    for cut in range(len(good) + len(broken)):
        taps = Taps().feed(good + broken, cut)
        taps.feed(b"whatever comes")
        assert [each[0] for each in taps.deliveries.heard] == [7]
        assert taps.cold.endswith(b"....whatever comes" if b"...." in broken else b"whatever comes")


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
@settings(max_examples=500)
def test_no_bytes_whatever_make_it_raise(noise: bytes, cuts: list[int]) -> None:
    """Even line noise ends as cold bytes or as an unfinished frame."""
    taps = Taps().feed(deliver(1) + noise, *cuts)
    assert taps.deliveries.heard[0][0] == 1


@given(st.data())
@settings(max_examples=300)
def test_one_flipped_byte_never_makes_it_raise(data: st.DataObject) -> None:
    """Almost right is the hardest kind of wrong: what came before it is heard as it was."""
    at = data.draw(st.integers(0, len(STREAM) - 1))
    byte = data.draw(st.integers(0, 255))
    cuts = data.draw(st.lists(st.integers(0, len(STREAM)), max_size=4))
    before = Taps().feed(STREAM[:at]).deliveries.heard
    taps = Taps().feed(STREAM[:at] + bytes((byte,)) + STREAM[at + 1 :], *cuts)
    assert taps.deliveries.heard[: len(before)] == before


def test_a_large_body_is_collected_in_pieces_and_joined_once() -> None:
    """A megabyte in 128 kB frames and 64 kB reads costs one copy, not one for each read."""
    payload = bytes(range(256)) * 4096
    stream = deliver(1, payload, room=131_064)
    taps = Taps()
    held = []
    for at in range(0, len(stream), 65_536):
        taps.frames.feed(stream[at : at + 65_536])
        watched = taps.frames._hot[1]
        held.append(sum(len(part) for part in watched.parts if isinstance(part, bytes)))
    assert taps.deliveries.heard[0][6] == payload
    assert held == [0] * len(held)  # views of what the socket brought, no copies
