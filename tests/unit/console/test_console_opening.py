"""Where a console opens, for whom, and what their passwords are kept as."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from unit.console.visiting import (
    PASSWORD,
    USERS,
)

from workers.console.doors.passwords import Unusable, fits, made_of
from workers.console.doors.users import ConsoleRefused, Role, users_of
from workers.console.serve import checked_users
from workers.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def test_without_users_it_opens_on_loopback_only() -> None:
    """A console that anybody could walk into does not start, and says what to do."""
    with pytest.raises(ConsoleRefused, match="leveret console user"):
        checked_users(Settings(), host="0.0.0.0")
    assert checked_users(Settings(), host="127.0.0.1") == {}


@pytest.mark.parametrize(
    "line",
    [
        "anna",
        "anna:operator",
        "anna:king:x",
        "anna:viewer:plaintext",
        "an na:viewer:scrypt.14.8.5.AA.AA",
    ],
)
def test_a_user_that_cannot_be_read_is_refused(line: str) -> None:
    """A mistake in the users is no open door."""
    with pytest.raises(ConsoleRefused):
        users_of(Settings(console_users=[line]))


def test_users_come_from_a_file_too(tmp_path: Path) -> None:
    """A line each, with comments."""
    made = USERS["otto"].made
    path = tmp_path / "users"
    path.write_text(f"# who may\n\nanna:operator:{made}\nben:viewer:{made}\n")
    assert users_of(Settings(console_users_file=path))["ben"].role is Role.VIEWER


def test_settings_never_show_what_passwords_were_made_into() -> None:
    """`config show` tells names and roles."""
    made = USERS["otto"].made
    shown = Settings(console_users=[f"anna:operator:{made}"]).model_dump(mode="json")
    assert shown["console_users"] == "anna:operator"


def test_a_password_fits_what_it_was_made_into() -> None:
    """And no other does; two makings of one password differ."""
    assert fits(PASSWORD, USERS["otto"].made)
    assert not fits(PASSWORD + " ", USERS["otto"].made)
    assert made_of(PASSWORD) != USERS["otto"].made


@pytest.mark.parametrize(
    "made",
    [
        "",
        "scrypt",
        "scrypt.30.8.5.AA.AA",
        "md5.14.8.5.AA.AA",
        "scrypt.a.b.c.d.e",
    ],
)
def test_nonsense_is_no_hash(made: str) -> None:
    """Nor is one that would take all memory to check."""
    with pytest.raises(Unusable):
        fits(PASSWORD, made)
