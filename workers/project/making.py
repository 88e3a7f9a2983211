"""Writes a project of one's own, ready for `make test`; nothing that exists is overwritten."""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The files of the template; `package` in a path becomes the package's own name.
TEMPLATE: Final = Path(__file__).parent / "template"
#: Names that a package beside ours must not have.
TAKEN: Final = frozenset({"examples", "leveret", "messages", "tests", "topology", "workers"})

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,59}", re.ASCII)
#: Written before the real names are: none of them means anything in the files' own languages.
_MARKS: Final = ("@NAME@", "@PACKAGE@", "@TYPE@", "@SOURCE@")


class NotMade(Exception):
    """The project cannot be made as asked; the message says what to ask for."""


def package_name(name: str) -> str:
    """Return what a project's package is called; raises NotMade for a name it cannot have."""
    package = name.replace("-", "_")
    if _NAME.fullmatch(name) is None:
        raise NotMade(
            f"{name[:60]!r} cannot name a package: use lower-case letters, digits, '-' and '_', "
            "a letter first"
        )
    if why := _taken(package):
        raise NotMade(f"{name!r} cannot name a package: it {why}; try 'my-{name}'")
    return package


def _taken(package: str) -> str:
    """Return what else is called so already; empty where nothing is."""
    if keyword.iskeyword(package):
        return "is a word of the Python language, so nothing could import it"
    if package in sys.stdlib_module_names or package in sys.builtin_module_names:
        return "is a module of Python's own, and one would hide the other"
    if package in TAKEN:
        return "is a package that leveret itself has or runs, and one would hide the other"
    return ""


def make_project(name: str, directory: Path, *, source: str) -> tuple[Path, ...]:
    """Write the project into the directory and return its files; raises NotMade.

    `source` is where pip gets leveret from, which is on no index.
    """
    package = package_name(name)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise NotMade(f"{directory} exists and is not empty: take another name, or --into DIR")
    values = dict(zip(_MARKS, (name, package, package.replace("_", "-"), source), strict=True))
    files = []
    for template in _templates():
        relative = template.relative_to(TEMPLATE).with_suffix("")
        parts = (package if part == "package" else part for part in relative.parts)
        file = directory.joinpath(*parts)
        file.parent.mkdir(parents=True, exist_ok=True)
        text = template.read_text(encoding="utf-8")
        for mark, value in values.items():
            text = text.replace(mark, value)
        file.write_text(text, encoding="utf-8")
        files.append(file)
    return tuple(files)


def own_source() -> str:
    """Return the tree this leveret runs from, where it does; else nothing."""
    tree = Path(__file__).resolve().parents[2]
    return str(tree) if (tree / "pyproject.toml").is_file() else ""


def _templates() -> Iterator[Path]:
    yield from sorted(TEMPLATE.rglob("*.template"))
