"""The page of real errors says what is really told."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from unit.messages.errors_page import EXAMPLES, ours, page

PAGE: Final = Path("docs") / "errors.md"


def test_the_page_is_what_is_told_today() -> None:
    """Made anew by the script that is named in it."""
    assert page() == PAGE.read_text(encoding="utf-8"), (
        "make docs/errors.md anew: see errors_page.py"
    )


def test_there_are_twenty_of_them_and_none_quotes() -> None:
    """On our side."""
    assert len(EXAMPLES) == 20
    for _, body in EXAMPLES:
        told = str(ours(body).errors) + ours(body).reason
        assert "hunter2" not in told
        assert "javascript" not in told
