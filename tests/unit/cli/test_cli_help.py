"""Every verb explains itself, quickly, and a wrong option is one line with exit code 2."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

from workers.cli import WRONG_USE, _run
from workers.cli.app import GROUPS, VERBS
from workers.cli.console import SHORTEST_PASSWORD

CALLS: Final = [
    *((verb,) for verb in VERBS),
    *((group, verb) for group, (_, verbs) in GROUPS.items() for verb in verbs),
]


def called(monkeypatch: pytest.MonkeyPatch, *tokens: str) -> int:
    """Return the exit code of the command with these tokens, run in this process."""
    monkeypatch.setattr("sys.argv", ["leveret", *tokens])
    return _run()


@pytest.mark.parametrize("verb", CALLS, ids=" ".join)
def test_every_verb_has_help_with_an_example(
    verb: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--help` says what it is for and shows a call of it."""
    assert called(monkeypatch, *verb, "--help") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"Usage: leveret {' '.join(verb)}" in told
    assert "Example: " in told
    assert f"leveret {' '.join(verb)}" in told.partition("Example: ")[2]


def test_the_help_of_console_user_says_what_a_password_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before somebody types a short one twice."""
    assert called(monkeypatch, "console", "user", "--help") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"at least {SHORTEST_PASSWORD} characters" in told


@pytest.mark.parametrize("verb", CALLS, ids=" ".join)
def test_a_wrong_option_is_one_line_and_exit_code_2(
    verb: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nobody meets a traceback or a box."""
    assert called(monkeypatch, *verb, "--no-such-option") == WRONG_USE
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert told.err.startswith("leveret: ")
    assert "--no-such-option" in told.err


@pytest.mark.parametrize(
    "tokens",
    [
        ["nope"],
        ["topology", "nope"],
        ["publish", "--task"],
        ["publish", "--count", "x"],
        ["publish", "--task", "a", "--type", "b"],
        ["publish", "--task", "echo", "--count", "0"],
        ["publish", "--task", "echo", "--param", "x"],
        ["broker", "start", "--nodes", "0"],
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    tokens: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told before anything is connected to."""
    assert called(monkeypatch, *tokens) == WRONG_USE
    assert capsys.readouterr().err.count("\n") == 1


def test_help_imports_nothing_heavy() -> None:
    """What makes `leveret --help` slow is imported by the verbs that need it."""
    heavy = "aio_pika,pydantic,starlette,uvicorn,orjson,prometheus_client,messages,topology"
    check = (
        "import sys; sys.argv = ['leveret', '--help']\n"
        "from workers.cli import _run\n"
        "_run()\n"
        f"sys.exit(', '.join(name for name in '{heavy}'.split(',') if name in sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", check], capture_output=True, check=False)
    assert ended.stderr.strip() == b""
