"""Letters as a pytest: whatever strangers wrote, it is a value in the source and never code."""

from __future__ import annotations

import ast

import orjson
import pytest

from topology import Names
from workers import headers as h
from workers.deadletters import MASK, Masking, Reader
from workers.deadletters.exporting import as_line, as_test
from workers.outcome import Delivery, Properties

EVIL = '\n"""\'\\\r\u2028\x0cimport os; os.abort()  # x'
READER = Reader(Names(), "guest")


@pytest.mark.parametrize("value", [EVIL, float("inf"), float("nan"), 2**80, True])
def test_a_letter_is_data_in_its_test(value: object) -> None:
    """Its texts, its headers, its body: the source has the same calls as that of a harmless one."""
    headers = {h.ID: "a", h.ERROR_CODE: EVIL, h.FIRST_SEEN: EVIL, "sent": value, EVIL[:40]: "x"}
    properties = Properties(
        headers=headers, content_type=EVIL, correlation_id=EVIL, reply_to=EVIL, type=EVIL
    )
    letter = READER.letter(Delivery(EVIL.encode("utf-8", "replace"), properties))
    harmless = READER.letter(Delivery(b"{}", Properties(headers={h.ID: "a"})))
    calls = [_called(one) for one in (letter, harmless)]
    assert calls[0] == calls[1]


def test_the_test_says_that_it_runs_the_real_thing() -> None:
    """Whoever opens it reads first that its effects are real."""
    header = ast.get_docstring(ast.parse(as_test([], Masking(), modules=("shop",), offered=())))
    assert header is not None
    assert "real processors, with all that they do" in header


def _called(letter: object) -> set[str]:
    source = as_test([letter], Masking(), modules=("shop:registry",), offered=())  # type: ignore[list-item] # a letter
    tree = ast.parse(source.encode())
    return {ast.unparse(one.func) for one in ast.walk(tree) if isinstance(one, ast.Call)} | {
        one.id for one in ast.walk(tree) if isinstance(one, ast.Name)
    }


@pytest.mark.parametrize("level", ["internal", "confidential", "secret"])
def test_what_a_sender_put_into_headers_leaves_no_classified_group(level: str) -> None:
    """Neither as a line nor as a test; what our own headers tell of the death does."""
    headers = {h.ID: "a", h.ERROR_CODE: "rejected", "token": "hunter2"}
    letter = READER.letter(Delivery(b"{}", Properties(headers=headers)))
    line = orjson.loads(as_line(letter, Masking(level=level)))
    assert line["headers"] == {h.ID: "a", h.ERROR_CODE: "rejected", "token": MASK}
    assert "hunter2" not in as_test([letter], Masking(level=level), modules=("shop:r",), offered=())
    assert orjson.loads(as_line(letter, Masking()))["headers"] == headers
