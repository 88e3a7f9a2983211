"""What a child process can find by name: functions and classes at the top of an imported module."""

from __future__ import annotations

import sys
from importlib import import_module
from operator import attrgetter
from typing import Any

from workers.registration import RegistrationError


def name_of(what: Any) -> str:
    """Return the name of a function or class, as `package.module:Outer.inner`."""
    return f"{what.__module__}:{what.__qualname__}"


def find(name: str) -> Any:
    """Import what has this name; raises ImportError or AttributeError where there is none."""
    module, _, path = name.partition(":")
    return attrgetter(path)(import_module(module))


def known(name: str) -> Any:
    """Return what has this name among the modules imported already, or None; imports nothing."""
    module, _, path = name.partition(":")
    try:
        return attrgetter(path)(sys.modules[module])
    except (KeyError, AttributeError):
        return None


def refuse_hidden(what: Any, role: str) -> None:
    """Raise RegistrationError for what another process could not import, judged by its name."""
    if what.__module__ == "__main__":
        why = "its module is the program itself (__main__); move it into a module of your package"
    elif not all(part.isidentifier() for part in what.__qualname__.split(".")):
        why = "it is made inside a function or has no plain name; write it at the top of its module"
    else:
        return
    raise RegistrationError(
        f'executor="process" imports {role} by name in another process, and {name_of(what)} '
        f"cannot be imported: {why}"
    )


def refuse_replaced(what: Any, role: str) -> None:
    """Raise RegistrationError where its name, once its module is whole, stands for another."""
    if known(name_of(what)) is not what:
        raise RegistrationError(
            f'executor="process" imports {role} by name in another process, and {name_of(what)} is '
            "something else there; let @registry… be the topmost decorator, and use no name twice"
        )
