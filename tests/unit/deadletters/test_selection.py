"""Letters chosen by a text in their bodies."""

from __future__ import annotations

import pytest

from workers.deadletters import Masking, Selection

BODY = b'{"payload":{"password":"hunter2","customer":"ada"}}'


@pytest.mark.parametrize(
    ("text", "found"), [("hunter2", False), ('"hunter', False), ("ada", True), ("nobody", False)]
)
def test_a_text_that_is_hidden_finds_nothing(text: str, found: bool) -> None:  # noqa: FBT001 - a case
    """Whoever may not see a value cannot find it out by guessing."""
    chosen = Selection(contains=text)
    assert chosen.body_meant(BODY, Masking(("/payload/password",))) is found
    assert chosen.body_meant(BODY, Masking()) is (text != "nobody")
    assert not chosen.body_meant(BODY, Masking(level="secret"))
    assert Selection().body_meant(BODY, Masking(level="secret"))
