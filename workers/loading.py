"""Finds the processors a worker is to run: modules named by the operator, and entry points allowed.

Never by a name from a message: what is imported is decided before the first one comes.
"""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Final

from workers.registry import RegistrationError, Registry

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

#: Entry points of this group offer registries; the settings say which are taken.
ENTRY_POINTS: Final = "leveret.processors"


def load(modules: Iterable[str], *, offered: Iterable[str]) -> Registry:
    """Return one registry with the processors of the modules, or of the entry points allowed.

    A module is `package.module:registry`; without a colon its `registry` is taken. What is offered
    may be named by its module, too; the name of an entry point comes first. Raises
    RegistrationError with what to do for one that cannot be imported or has none.
    """
    named = tuple(modules)
    if named:
        return Registry.of(_registry(name) for name in named)
    found = {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}
    return Registry.of(
        _registry(found[name]) if name in found else _unoffered(name, found)
        for name in sorted(set(offered))
    )


def _unoffered(name: str, found: Iterable[str]) -> Registry:
    """Return the registry of a module that no entry point is called after."""
    try:
        return _registry(name)
    except RegistrationError as error:
        if not _is_missing(name, error.__cause__):
            raise
        raise RegistrationError(
            f"no installed package offers the processors {name!r}, and there is no such module; "
            "install it, go to its directory, or name what is there in LEVERET_PROCESSORS: "
            f"{', '.join(sorted(found)) or 'nothing'}",
        ) from error


def _is_missing(name: str, error: BaseException | None) -> bool:
    """Whether it is the module itself that is not there, not something that it imports."""
    path = name.partition(":")[0]
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return missing is not None and (path == missing or path.startswith(f"{missing}."))


def _registry(name: str) -> Registry:
    path, _, attribute = name.partition(":")
    if not path or path.startswith(".") or os.sep in path:
        raise RegistrationError(_no_module_name(path, attribute))
    module = _imported(path, attribute)
    registry = getattr(module, attribute or "registry", None)
    if not isinstance(registry, Registry):
        raise RegistrationError(_no_registry(module, path, attribute or "registry"))
    return registry


def _no_module_name(path: str, attribute: str) -> str:
    """Return what to write in place of a file's path."""
    file = Path(path)
    module = file.stem if file.suffix == ".py" else file.name
    if not module.isidentifier():
        return f"{path!r} names no module; write package.module:registry"
    inside = "" if str(file.parent) == "." else f"go to {file.parent} and "
    return (
        f"{path!r} is a path, and a module goes by its name; {inside}write "
        f"{module}:{attribute or 'registry'}"
    )


def _no_registry(module: ModuleType, path: str, attribute: str) -> str:
    """Return what the module has in place of the registry that was named, or should have."""
    others = sorted(name for name, value in vars(module).items() if isinstance(value, Registry))
    if others:
        written = " or ".join(f"{path}:{name}" for name in others)
        return f"{path!r} has no Registry named {attribute!r}; write {written}"
    return (
        f"{path!r} has no Registry named {attribute!r}, nor any other; write `registry = "
        "Registry()` there and register processors with it, or name another module: "
        "package.module:registry"
    )


def _no_module(path: str, attribute: str) -> str:
    """Return where was looked for a module that is not there, and what may have been meant."""
    package, _, last = path.rpartition(".")
    if last == "py":
        return f"a module goes by its name, not by its file's; write {package}:" + (
            attribute or "registry"
        )
    meant = f", or write {package}:{last} for what is in {package}" if package else ""
    return (
        f"there is no module {path!r} in {Path.cwd()}, nor installed in {sys.prefix}; go to the "
        f"directory it is in, or install its package there{meant}"
    )


def _imported(path: str, attribute: str) -> ModuleType:
    """Return the module; raises RegistrationError for whatever keeps it from being imported.

    What it prints meanwhile goes to standard error: standard output may be a document of ours.
    """
    if (here := os.getcwd()) not in sys.path:  # noqa: PTH109 - a sys.path entry is text
        sys.path.insert(0, here)  # as `python -m` does: people run it in their project
    try:
        with redirect_stdout(sys.stderr):
            return import_module(path)
    except ModuleNotFoundError as error:
        if _is_missing(path, error):
            raise RegistrationError(_no_module(path, attribute)) from error
        raise RegistrationError(
            f"{path!r} cannot be imported: it imports {error.name!r}, which cannot be found"
            f"{_line(error, last=True)}; install what has it in {sys.prefix}, or mend the import",
        ) from error
    except SystemExit as error:
        raise RegistrationError(
            f"{path!r} ends the program while it is imported{_line(error)}; put what is to run "
            'only when it is the program below `if __name__ == "__main__":`',
        ) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise RegistrationError(
            f"{path!r} cannot be imported: {type(error).__name__}: {error}{_line(error)}; mend it "
            "there",
        ) from error


def _line(error: BaseException, *, last: bool = False) -> str:
    """Return where in the module it happened, or `last` in what it uses, as far as can be told."""
    places = extract_tb(error.__traceback__)
    theirs = [one for one in places if "importlib" not in one.filename and one.filename != __file__]
    if not theirs:
        return ""
    place = theirs[-1 if last else 0]
    return f" ({place.filename}, line {place.lineno})"
