"""A project of one's own is whole, and nothing of somebody else's is touched."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest
import yaml

from workers.project.making import NotMade, make_project, own_source, package_name


def test_a_project_is_whole(tmp_path: Path) -> None:
    """Every file is there, readable in its own language, with no mark of the template left."""
    files = make_project("my-workers", tmp_path / "mine", source="/src/leveret")
    names = {str(file.relative_to(tmp_path / "mine")) for file in files}
    assert names == {
        *(".dockerignore", ".gitignore", "Dockerfile", "Makefile", "README.md", "compose.yml"),
        *("pyproject.toml", "my_workers/__init__.py", "my_workers/greeting.py"),
        *("tests/test_with_a_broker.py", "tests/test_without_a_broker.py"),
    }
    for file in files:
        text = file.read_text()
        assert not any(mark in text for mark in ("@NAME@", "@PACKAGE@", "@SOURCE@"))
        if file.suffix == ".py":
            ast.parse(text)
    project = tomllib.loads((tmp_path / "mine/pyproject.toml").read_text())
    assert project["project"]["name"] == "my-workers"
    offered = project["project"]["entry-points"]["leveret.processors"]
    assert offered == {"my-workers": "my_workers:registry"}
    compose = yaml.safe_load((tmp_path / "mine/compose.yml").read_text())
    assert set(compose["services"]) == {"rabbitmq", "topology", "worker"}
    makefile = (tmp_path / "mine/Makefile").read_text()
    assert "LEVERET_SOURCE ?= /src/leveret\n" in makefile
    assert "making the environment in" in makefile  # pip takes long, and is silent


@pytest.mark.parametrize(
    "name",
    ["", "My", "1a", "a b", "a/b", "../a", "class", "json", "workers", "examples", "a" * 61, "é"],
)
def test_a_name_that_no_package_can_have_is_refused(name: str) -> None:
    """Before anything is written."""
    with pytest.raises(NotMade):
        package_name(name)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("class", "'class' .* is a word of the Python language, .*; try 'my-class'"),
        ("json", "a module of Python's own"),
        ("asyncio", "a module of Python's own"),
        ("messages", "leveret itself has"),
        ("topology", "leveret itself has"),
        ("My", "use lower-case letters"),
    ],
)
def test_a_name_that_cannot_be_is_told_with_the_reason(name: str, told: str) -> None:
    """`class` is in lower-case letters already."""
    with pytest.raises(NotMade, match=told):
        package_name(name)


def test_nothing_that_exists_is_overwritten(tmp_path: Path) -> None:
    """An empty directory will do, one with something in it will not, nor will a file."""
    (tmp_path / "empty").mkdir()
    make_project("mine", tmp_path / "empty", source="")
    kept = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(NotMade, match="not empty"):
        make_project("mine", tmp_path / "empty", source="other")
    (tmp_path / "file").touch()
    with pytest.raises(NotMade):
        make_project("mine", tmp_path / "file", source="")
    assert all(file.read_bytes() == text for file, text in kept.items())


def test_leveret_is_taken_from_the_tree_it_runs_from() -> None:
    """So that the first `make test` needs nothing to be said."""
    assert (Path(own_source()) / "pyproject.toml").is_file()
