"""However a command is cut short, it ends with one line, or without a word, and its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from workers.cli import DONE, FAILED, INTERRUPTED, WRONG_USE, Failure, _run, interrupts, telling
from workers.cli.files import written

if TYPE_CHECKING:
    from collections.abc import Callable

#: Presses Ctrl-C in the midst of an import that swallows whatever is raised.
PRESSED = """
import os, signal, sys

# A run in a shell's background was told to ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Swallowing:
    def find_spec(self, name, path=None, target=None):
        if name == "workers.cli.app":
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except BaseException:
                pass

sys.meta_path.insert(0, Swallowing())
sys.argv = ["leveret", "--help"]
from workers.cli import main
main()
"""


def ran(*command: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """Return how a command ended, and what it said on standard error."""
    how = {"stdout": subprocess.DEVNULL} | how
    return subprocess.run(
        [sys.executable, *command], stderr=subprocess.PIPE, text=True, check=False, **how
    )


def leveret(*tokens: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """Return likewise for the `leveret` command."""
    return ran("-m", "workers.cli", *tokens, **how)


def without(*descriptors: int) -> Callable[[], None]:
    """Return what closes standard streams in a child."""
    return lambda: [os.close(one) for one in descriptors] and None


def test_ctrl_c_while_modules_are_imported_is_130_and_not_a_word() -> None:
    """Also where the import would have swallowed it."""
    ended = ran("-c", PRESSED)
    assert (ended.returncode, ended.stderr) == (INTERRUPTED, "")


def test_ctrl_c_is_known_behind_an_error_that_was_made_of_it() -> None:
    """As an import or a task group makes one."""
    made = RuntimeError("Error calling __set_name__")
    made.__cause__ = KeyboardInterrupt()
    assert interrupts.is_behind(made)
    assert interrupts.is_behind(ExceptionGroup("tasks", [ValueError(), made]))
    assert not interrupts.is_behind(ValueError())


def test_a_full_disk_is_one_line() -> None:
    """For what we write and what a library draws."""
    with Path("/dev/full").open("w") as full:
        for command in (["schema"], ["config", "show"], ["--help"]):
            ended = leveret(*command, stdout=full)
            assert ended.returncode == FAILED
            assert ended.stderr == (
                "leveret: standard output cannot be written: No space left on device\n"
            )


def test_a_closed_standard_output_is_one_line() -> None:
    """As for any file that is closed."""
    ended = leveret("config", "show", stdout=None, preexec_fn=without(1))
    assert ended.returncode == FAILED
    assert ended.stderr == "leveret: standard output cannot be written: Bad file descriptor\n"


def test_a_reader_that_has_had_enough_is_no_failure() -> None:
    """As in `leveret config show | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = leveret("config", "show", stdout=writing)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (DONE, "")


def test_an_error_does_not_go_to_standard_output_where_standard_error_is_closed() -> None:
    """A program that reads it would take it for a result."""
    ended = leveret("nosuch", stdout=subprocess.PIPE, preexec_fn=without(2))
    assert (ended.returncode, ended.stdout) == (WRONG_USE, "")


def test_a_directory_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where something has to be found in it."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr("sys.argv", ["leveret", "schema"])
    assert _run() == FAILED
    assert capsys.readouterr().err == (
        "leveret: the current directory is gone; change to one that is there, and try again\n"
    )


def test_an_error_of_the_users_own_code_is_told_as_theirs(tmp_path: Path) -> None:
    """With its place; nobody is asked to report it to us."""
    file = tmp_path / "own.py"
    file.write_text("class Own(Exception): pass\ndef called():\n    raise Own('no\\nsuch')\n")
    space: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), space)  # noqa: S102 - a module of theirs
    with pytest.raises(Exception, match="no\nsuch") as raised:
        space["called"]()
    failure = telling.told(raised.value)
    assert failure is not None
    assert str(failure) == f"{file}:3 (called) raised Own: no such; mend it there"


def test_an_error_of_ours_is_ours() -> None:
    """Also where the standard library raised it for us."""
    with pytest.raises(TypeError) as raised:
        telling._short(3)  # type: ignore[arg-type]
    assert telling.told(raised.value) is None
    assert "not your doing" in str(telling.bug(raised.value))


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """It failed; the command was called as it should be."""
    with pytest.raises(Failure, match="No such file or directory; give another") as raised:
        written(tmp_path / "nowhere" / "letters.jsonl").__enter__()
    assert raised.value.code == FAILED


def test_a_file_for_nothing_is_neither_made_nor_emptied(tmp_path: Path) -> None:
    """Where no letter fits, what was written there before is still there."""
    new, old = tmp_path / "new.jsonl", tmp_path / "old.jsonl"
    old.write_bytes(b"before, and longer\n")
    for path in (new, old):
        with written(path):
            pass
    assert not new.exists()
    assert old.read_bytes() == b"before, and longer\n"
    with written(old) as write:
        write(b"now\n")
        write(b"more\n")
    assert old.read_bytes() == b"now\nmore\n"


def test_a_discard_without_a_reason_says_that_it_needs_one() -> None:
    """Not what an option parser calls that."""
    ended = leveret("dlq", "discard", "--all", "--yes")
    assert ended.returncode == WRONG_USE
    assert "a reason is required" in ended.stderr
