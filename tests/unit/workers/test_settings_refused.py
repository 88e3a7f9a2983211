"""Settings that would be left out, or mean the opposite, without a word are refused with a line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from workers.settings import SettingsError, load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing say anything but the test."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LEVERET_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('LEVERET_PREFIX="abc\nLEVERET_GROUP=x\n', 1),
        ("A=1\n\n\nLEVERET_GROUP='x\n", 4),
        ("A=1\r\nLEVERET_GROUP 3\r\n", 2),
    ],
)
def test_a_line_of_ours_in_env_that_cannot_be_read_is_named(
    tmp_path: Path, text: str, line: int
) -> None:
    """It would count as not there."""
    (tmp_path / ".env").write_bytes(text.encode())
    with pytest.raises(SettingsError, match=rf"^\.env line {line} is no NAME=value"):
        load()


def test_a_line_of_others_in_env_is_theirs(tmp_path: Path) -> None:
    """The file is shared."""
    (tmp_path / ".env").write_text('OTHERS="abc\nLEVERET_GROUP=default\nLEVERET_PREFIX=x\n')
    assert load().prefix == "x"


def test_an_empty_list_of_who_may_be_answered_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere empty counts as not given, and not given is everybody."""
    (tmp_path / ".env").write_text("LEVERET_REPLY_TO_ALLOW=\n")
    with pytest.raises(SettingsError, match=r"LEVERET_REPLY_TO_ALLOW is empty \(in \.env\)"):
        load()
    (tmp_path / ".env").unlink()
    monkeypatch.setenv("LEVERET_REPLY_TO_ALLOW", " ")
    with pytest.raises(SettingsError, match="LEVERET_REPLY_TO_ALLOW is empty"):
        load()
    monkeypatch.setenv("LEVERET_REPLY_TO_ALLOW", ",")
    assert load().reply_to_allow == ()


def test_a_host_that_cannot_be_looked_up_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the settings, and without the password."""
    monkeypatch.setenv("LEVERET_AMQP_URL", f"amqp://me:secret@{'a' * 64}/")
    with pytest.raises(SettingsError, match="the host in the address is no name") as raised:
        load()
    assert "secret" not in str(raised.value)


def test_nan_is_no_number(tmp_path: Path) -> None:
    """TOML has it, and no comparison refuses it."""
    (tmp_path / "leveret.toml").write_text("time_limit = nan\n")
    with pytest.raises(SettingsError, match="nan is no number; give 1ms to 29m"):
        load()
