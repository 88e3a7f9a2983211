"""Finds the processors a worker is to run: modules named by the operator, and entry points allowed.

Never by a name from a message: what is imported is decided before the first one comes.
"""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from importlib import import_module
from importlib.metadata import entry_points
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
    module = _imported(path)
    registry = getattr(module, attribute or "registry", None)
    if not isinstance(registry, Registry):
        raise RegistrationError(
            f"{path!r} has no Registry named {attribute or 'registry'!r}; "
            "write `registry = Registry()` there, or name another: package.module:name",
        )
    return registry


def _imported(path: str) -> ModuleType:
    """Return the module; raises RegistrationError for whatever keeps it from being imported.

    What it prints meanwhile goes to standard error: standard output may be a document of ours.
    """
    if (here := os.getcwd()) not in sys.path:  # noqa: PTH109 - a sys.path entry is text
        sys.path.insert(0, here)  # as `python -m` does: people run it in their project
    try:
        with redirect_stdout(sys.stderr):
            return import_module(path)
    except ImportError as error:
        raise RegistrationError(
            f"cannot import {path!r} ({error}); is it installed, or are you in its directory?",
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


def _line(error: BaseException) -> str:
    """Return where in the module it happened, as far as that can be told."""
    places = extract_tb(error.__traceback__)
    theirs = [one for one in places if "importlib" not in one.filename and one.filename != __file__]
    return f" ({theirs[0].filename}, line {theirs[0].lineno})" if theirs else ""
