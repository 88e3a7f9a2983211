"""What cannot be read ends the command; nobody waits for what will never come."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

import pytest

from workers.cli import FAILED, WRONG_USE, Failure, _run
from workers.cli.documents import TooLong, documents, joined
from workers.cli.input import bodies

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Lend the two ends of a pipe."""
    reading, writing = os.pipe()
    with open(reading, "rb") as source, open(writing, "wb") as sink:  # noqa: PTH123 - no paths
        yield source, sink


async def read(source: BinaryIO, *, raw: bool = False) -> list[bytes]:
    """Return all messages of a source."""
    return [one async for one in bodies(source, raw=raw)]


@pytest.mark.parametrize("raw", [False, True])
async def test_a_message_that_no_broker_takes_is_refused(
    pipe: tuple[BinaryIO, BinaryIO], monkeypatch: pytest.MonkeyPatch, *, raw: bool
) -> None:
    """Without a look at the rest of it, in a file and from a pipe."""
    monkeypatch.setattr("workers.cli.input.LONGEST", 10)
    monkeypatch.setattr("workers.cli.input.joined", lambda parts: joined(parts, longest=10))
    source, sink = pipe
    sink.write(b'{"a":1}\n' if not raw else b"")
    sink.write(b"x" * 100)
    sink.close()
    with pytest.raises(Failure, match="no broker takes") as raised:
        await read(source, raw=raw)
    assert raised.value.code == WRONG_USE


async def test_a_source_that_breaks_off_is_told(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    """By whoever reads it, not by its thread."""
    source, _ = pipe

    class Broken:
        fileno = source.fileno

        def readline(self, _: int) -> bytes:
            raise MemoryError

    with pytest.raises(Failure, match="the input cannot be read on") as raised:
        await read(Broken())  # type: ignore[arg-type]
    assert raised.value.code == FAILED


def test_lines_that_are_one_message_are_as_bounded() -> None:
    """A stream of messages is not: each is by itself."""
    with pytest.raises(TooLong):
        list(documents([b"{\n", b'"a":\n', b"1}\n"], longest=6))
    assert len(list(documents([b'{"a":1}\n'] * 9, longest=9))) == 9


@pytest.mark.parametrize(
    "option",
    [
        ("publish", "--timeout"),
        ("publish", "--rate"),
        ("ctl", "ping", "--timeout"),
        ("dlq", "replay", "--rate"),
        ("dlq", "replay", "--wait"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
def test_a_number_that_is_none_is_refused(
    option: tuple[str, ...],
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before anything is sent, and whatever compares it."""
    *verb, name = option
    monkeypatch.setattr("sys.argv", ["leveret", *verb, f"{name}={value}"])
    assert _run() == WRONG_USE
    assert f'Invalid value "{float(value)}" for {name}. Give ' in capsys.readouterr().err
