"""What is taken for one message, what for several, and how parameters are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.cli.documents import documents, parameters


def lines(text: bytes) -> list[bytes]:
    """Return what a file gives line by line."""
    return text.splitlines(keepends=True)


@pytest.mark.parametrize(
    ("text", "bodies"),
    [
        (b'{"a":1}\n', [b'{"a":1}']),
        (b'\n\n{"a":1}\r\n\n{"b":2}', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}\n{broken\n\xff\n', [b'{"a":1}', b"{broken", b"\xff"]),
        (b'{\n "a": 1\n}\n', [b'{\n "a": 1\n}\n']),
        (b'{\n "a": 1\n}\n{\n "b": 2}\n', [b'{\n "a": 1\n}', b'{\n "b": 2}']),
        (b"not json\nat all\n", [b"not json\nat all\n"]),
        (b"\x80\x04K*.\n", [b"\x80\x04K*.\n"]),
        (b" \n\n", []),
        (b"", []),
    ],
)
def test_a_document_or_one_a_line_or_the_bytes_as_they_are(
    text: bytes, bodies: list[bytes]
) -> None:
    """A file is one message unless it is clear that it holds several."""
    assert list(documents(lines(text))) == bodies


def test_a_stream_is_read_as_it_comes() -> None:
    """The first message goes out before the last one is written."""
    taken: list[bytes] = []

    def slow() -> object:
        for number in range(3):
            taken.append(b"%d" % number)
            yield b"%d\n" % number

    stream = documents(slow())  # type: ignore[arg-type] # a generator of lines
    assert next(stream) == b"0"
    assert len(taken) == 1


@given(st.binary(max_size=200))
def test_no_bytes_are_lost_or_made_up(text: bytes) -> None:
    """Whatever is in a file, its messages hold every byte but line ends and blank lines."""
    bodies = list(documents(lines(text)))
    kept = b"".join(b"".join(bodies).split())
    assert kept == b"".join(text.split())


def test_parameters_are_json_where_they_are_json() -> None:
    """Numbers, lists and objects as such; anything else is a text; dots make inner objects."""
    given_ = ["n=3", "f=1.5", "yes=true", 'o={"a":[1]}', "t=hello", "e=", "a.b.c=x=y", "a.d=1"]
    assert parameters(given_) == {
        "n": 3,
        "f": 1.5,
        "yes": True,
        "o": {"a": [1]},
        "t": "hello",
        "e": "",
        "a": {"b": {"c": "x=y"}, "d": 1},
    }


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (["nothing"], "key=value"),
        (["=3"], "key=value"),
        (["a..b=3"], "key=value"),
        (["a=1", "a=2"], "twice"),
        (["a=1", "a.b=2"], "inside a"),
    ],
)
def test_a_parameter_that_cannot_be_meant_is_refused(written: list[str], said: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=said):
        parameters(written)
