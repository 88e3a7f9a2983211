"""A mistake in a user's own module is told as theirs, with its place."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from workers.loading import load
from workers.registry import RegistrationError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1 +\n", "SyntaxError"),
        ("\n1 / 0\n", r"ZeroDivisionError: division by zero \(.*mistaken.*\.py, line 2\)"),
        (
            "\nimport nothing_there\n",
            r"imports 'nothing_there', which cannot be found \(.*, line 2\)",
        ),
        ("from os import nothing\n", r"ImportError: cannot import name .*, line 1\)"),
        (
            "from workers import Registry\nregistry = Registry()\nregistry.task('x')\n",
            r"TypeError: .*'parameters' \(.*, line 3\)",
        ),
        ("class Own(Exception): pass\nraise Own('x')\n", r"Own: x \(.*, line 2\)"),
        ("class Own(BaseException): pass\nraise Own('x')\n", r"Own: x \(.*, line 2\)"),
        ("import sys\nsys.exit(3)\n", r"ends the program while it is imported \(.*, line 2\)"),
    ],
)
def test_a_module_that_cannot_be_imported_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    """Nobody is asked to report a mistake of their own."""
    name = f"mistaken_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(RegistrationError, match=told):
        load([name], offered=())


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("pictures_of_mine.py", "write pictures_of_mine:registry$"),
        ("pictures_of_mine.py:other", "write pictures_of_mine:other$"),
        ("./pictures_of_mine.py", "write pictures_of_mine:registry$"),
        ("/a/place/empty:registry", "go to /a/place and write empty:registry$"),
        ("pictures_of_mine:resize", "'resize'; write pictures_of_mine:other or pictures_of_mine:r"),
        ("pictures_of_mine.registry", "or write pictures_of_mine:registry for"),
        ("of_nobody", "no module 'of_nobody' in /.*; go to the directory it is in, or install"),
        (":registry", "names no module; write package.module:registry"),
        ("math", "nor any other; write `registry = Registry"),
    ],
)
def test_a_name_that_is_written_otherwise_is_told_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, told: str
) -> None:
    """Paths, a task in place of its registry, and what is nowhere."""
    (tmp_path / "pictures_of_mine.py").write_text(
        "from workers import Registry\nregistry = Registry()\nother = Registry()\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(RegistrationError, match=told):
        load([named], offered=())


def test_what_a_module_prints_while_it_is_imported_is_kept_off_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would stand in the midst of a JSON document."""
    text = "print('hello')\nfrom workers import Registry\nregistry = Registry()\n"
    (tmp_path / "talkative.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    load(["talkative"], offered=())
    assert capsys.readouterr() == ("", "hello\n")


def test_what_is_offered_may_be_named_by_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its registry or without; an entry point is found all the same."""
    (tmp_path / "a_module_of_mine.py").write_text(
        "from workers import Registry\nregistry = Registry()\nother = Registry()\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for named in ("a_module_of_mine", "a_module_of_mine:other"):
        assert not load((), offered=(named,)).task_types
        assert "echo" in load((), offered=(named, "examples")).task_types


def test_processors_that_nobody_offers_are_told_with_those_that_are_there() -> None:
    """A misspelt entry point looks like a module."""
    with pytest.raises(RegistrationError, match=r"offers .*: examples") as told:
        load((), offered=("exmaples",))
    assert "'exmaples'" in str(told.value)
