"""A stream of any length is cut into its documents, at any place a chunk may end."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.streams import BrokenStream, documents, members

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def chunks(body: bytes, size: int) -> list[bytes]:
    """Return a body in pieces."""
    return [body[at : at + size] for at in range(0, len(body), size)]


@given(st.lists(VALUES), st.integers(1, 9), st.sampled_from(["\n", " ", "\r\n\t"]))
def test_documents_are_found_wherever_chunks_end(
    values: list[object], size: int, between: str
) -> None:
    """JSON lines, or one document behind the other."""
    body = between.join(json.dumps(value, ensure_ascii=False) for value in values).encode()
    assert [json.loads(one) for one in documents(chunks(body, size))] == values


@given(st.lists(VALUES), st.integers(1, 9), st.sampled_from([None, 2]))
def test_members_are_found_wherever_chunks_end(
    values: list[object], size: int, indent: int | None
) -> None:
    """Of one array."""
    body = json.dumps(values, indent=indent).encode()
    assert [json.loads(one) for one in members(chunks(body, size))] == values


def test_documents_need_nothing_between_them() -> None:
    """As some senders write them."""
    assert list(documents([b'{"a":"}"}{"b":[1]}"x"[2]'])) == [
        b'{"a":"}"}',
        b'{"b":[1]}',
        b'"x"',
        b"[2]",
    ]


@pytest.mark.parametrize("body", [b'{"a":1', b'"x', b"[1]]", b"}"])
def test_a_stream_that_ends_within_a_document_is_broken(body: bytes) -> None:
    """And says so, rather than losing it."""
    with pytest.raises(BrokenStream):
        list(documents([body]))


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1", b"[1,]", b"[,1]", b"[1]]", b"[1] 2", b"[1][2]", b"x[1]", b"[1}"]
)
def test_what_is_not_one_array_is_broken(body: bytes) -> None:
    """Members of anything else would be guesses."""
    with pytest.raises(BrokenStream):
        list(members([body]))


@pytest.mark.parametrize("body", [b"[" * 2_000, b'"' + b"x" * 2_000, b"1" * 2_000])
def test_a_document_without_an_end_is_refused_before_it_fills_the_memory(body: bytes) -> None:
    """The longest one is the reader's choice."""
    with pytest.raises(BrokenStream, match="longer"):
        list(documents(chunks(body, 100), longest=1_000))


def test_a_long_stream_takes_no_more_memory_than_a_short_one() -> None:
    """4 MB pass through less than a quarter of one, as lines and as one array."""

    def lines(count: int) -> Iterator[bytes]:
        for _ in range(count):
            yield b'{"id": 7, "text": "%s"}\n' % (b"x" * 900) * 8

    def array(count: int) -> Iterator[bytes]:
        yield b"[0"
        for _ in range(count):
            yield b',{"id": 7, "text": "%s"}' % (b"x" * 900) * 8
        yield b"]"

    for cut in (documents(lines(550)), members(array(550))):
        tracemalloc.start()
        try:
            found = sum(1 for _ in cut)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert found >= 550 * 8
        assert peak < 250_000
