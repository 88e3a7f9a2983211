"""Which answers count as errors, and which are still missing."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from workers.cli.answers import Answers, is_error
from workers.outcome import Delivery, Properties

DONE = {"message_type": "task_response", "payload": {"response": {"status": "completed"}}}
LATE = {"message_type": "task_response", "payload": {"response": {"status": "timeout"}}}
ERROR = {"message_type": "error", "payload": {"error_code": "rejected"}}


@pytest.mark.parametrize(
    ("answer", "bad"),
    [
        (DONE, False),
        (LATE, True),
        (ERROR, True),
        ({"message_type": "image_resized", "payload": {"url": "u"}}, False),
        ({"jsonrpc": "2.0", "id": 1, "result": DONE["payload"]}, False),
        ({"jsonrpc": "2.0", "id": 1, "result": LATE["payload"]}, True),
        ({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601}}, True),
        ([{"jsonrpc": "2.0", "id": 1, "result": {}}], False),
        ([{"jsonrpc": "2.0", "id": 1, "result": {}}, {"jsonrpc": "2.0", "error": {}}], True),
        ("text", True),
    ],
)
def test_an_error_in_any_form_is_seen(answer: Any, bad: bool) -> None:  # noqa: FBT001 - a table
    """The exit code of `publish --wait` rests on it."""
    assert is_error(answer) is bad


def answer(told: str, document: Any = DONE) -> Delivery:
    """Return a delivery to our mailbox."""
    return Delivery(orjson.dumps(document), Properties(correlation_id=told))


def test_each_answer_is_printed_once_on_a_line_of_its_own(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """Strangers and second copies are left alone."""
    answers = Answers(json=True)
    for told in ("a", "a", "b"):
        answers.await_one(told)
    for told in ("a", "c", "a", "a"):
        answers.heard(answer(told))
    assert capfdbinary.readouterr().out == (orjson.dumps(DONE) + b"\n") * 2
    assert answers.missing == ["b"]
    answers.heard(answer("b", ERROR))
    assert (answers.missing, answers.errors) == ([], 1)


async def test_a_message_that_got_nowhere_is_not_waited_for() -> None:
    """Its fate is told instead."""
    answers = Answers(json=True)
    answers.await_one("a")
    answers.forget("a")
    await answers.all_here()
    assert answers.missing == []


async def test_a_reader_that_has_left_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """`leveret publish … | head -1` does not wait for answers that nobody would see."""

    def closed(*_lines: bytes) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("workers.cli.answers.write", closed)
    answers = Answers(json=True)
    answers.await_one("a")
    answers.await_one("b")
    answers.heard(answer("a"))
    with pytest.raises(BrokenPipeError):
        await answers.all_here()
