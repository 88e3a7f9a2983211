"""A filter by an error code that does not exist is a slip of the pen, and no empty table."""

from __future__ import annotations

import pytest

from workers.cli import DONE, NOTHING_FOUND, WRONG_USE, Failure
from workers.cli.letters import exit_code
from workers.deadletters import Selection, Standing

STANDING = Standing(open=841)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("timeuot", "there is no error code 'timeuot'; did you mean timeout?"),
        ("nosuch", "there is no error code 'nosuch'; `leveret dlq groups` shows those"),
    ],
)
def test_a_code_that_there_is_not_is_wrong_use(code: str, told: str) -> None:
    """With the one that was probably meant."""
    with pytest.raises(Failure, match="there is no error code") as failure:
        exit_code((), Selection(error_code=code), STANDING)
    assert str(failure.value).startswith(told)
    assert failure.value.code == WRONG_USE


def test_a_code_of_ours_that_no_letter_has_is_nothing_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It was written rightly."""
    assert exit_code((), Selection(error_code="expired"), STANDING) == NOTHING_FOUND
    assert "none of 841 letters fits" in capsys.readouterr().err


def test_a_code_of_theirs_that_letters_have_is_found() -> None:
    """Another program's letters say what it likes."""
    assert exit_code(["a letter"], Selection(error_code="their_own"), STANDING) == DONE
