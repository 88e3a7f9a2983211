"""Nobody drains every replica by leaving one word out at a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from workers.cli import FAILED, NO_BROKER, _run
from workers.settings import Settings


class Terminal(io.StringIO):
    """A standard stream with a person at it."""

    def isatty(self) -> bool:
        """Return that they are there."""
        return True


@pytest.fixture
def drained(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have no broker configured: who gets so far as to miss it was not held up."""
    monkeypatch.setattr("workers.settings.load", lambda _: Settings())
    return monkeypatch


def called(patch: pytest.MonkeyPatch, *arguments: str, says: str) -> int:
    """Return the exit code of the command, with what the person says."""
    patch.setattr(sys, "stdin", Terminal(says))
    patch.setattr(sys, "stderr", Terminal())
    patch.setattr("sys.argv", ["leveret", "ctl", "drain", *arguments])
    return _run()


@pytest.mark.parametrize("says", ["\n", "n\n", "", "yess\n"])
def test_whoever_does_not_say_yes_drains_nobody(drained: pytest.MonkeyPatch, says: str) -> None:
    """Also by the end of what they say."""
    assert called(drained, says=says) == FAILED
    assert "drain every replica under the prefix leveret? [y/N]" in sys.stderr.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("arguments", "says"), [((), "y\n"), (("--yes",), ""), (("one",), "")])
def test_whoever_says_yes_or_names_one_is_not_held_up(
    drained: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    """Before, or when asked."""
    assert called(drained, *arguments, says=says) == NO_BROKER


def test_a_program_is_not_asked(drained: pytest.MonkeyPatch) -> None:
    """It would wait for ever."""
    drained.setattr(sys, "stdin", io.StringIO("n\n"))
    drained.setattr("sys.argv", ["leveret", "ctl", "drain"])
    assert _run() == NO_BROKER
